"""Operations on endpoints, shared by the command line and the API."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Final

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from plaudit.endpoints.key_pairs import SigningKey
from plaudit.endpoints.keys import SecretKeys
from plaudit.endpoints.opening import EncryptedFields, unseal
from plaudit.endpoints.signing import new_secret, secret_of, signing_of
from plaudit.records.times import wall_ms
from plaudit.store.db.database import translated
from plaudit.store.db.tables import ENDPOINTS
from plaudit.store.endpoints import rows
from plaudit.store.endpoints.batch import Batch
from plaudit.store.endpoints.changes import ChangedMeanwhile, NoSuchEndpoint, WrittenEndpoint
from plaudit.store.endpoints.idempotency_seed import IdempotencySeed
from plaudit.store.endpoints.making import (
    V1A,
    Overlap,
    changed_endpoint,
    enabled_endpoint,
    new_endpoint,
    next_version,
    rotated_endpoint,
)
from plaudit.store.endpoints.moving import dropped
from plaudit.store.endpoints.reencrypt import reseal
from plaudit.store.endpoints.relay import Relay
from plaudit.store.endpoints.rows import StoredEndpoint
from plaudit.store.endpoints.spec import EndpointSpec, Rules, checked, uuid_text
from plaudit.store.endpoints.unique_name import check_name

ANNOUNCE_S: Final = 10.0
OVERLAP_MS: Final = 24 * 3_600_000
"""How long both secrets sign after a rotation."""


class EndpointService:
    """Endpoints of all workspaces; every change goes to the database and from there to Kafka.

    Args:
        engine: the database.
        keys: seal what is private.
        relay: announces changes.
        rules: what this installation allows.
        announce_s: seconds that a change waits for its relay to the brokers.

    Attributes:
        batch: makes many changes at once.
    """

    def __init__(
        self,
        engine: Engine,
        keys: SecretKeys,
        relay: Relay,
        rules: Rules,
        *,
        announce_s: float = ANNOUNCE_S,
    ) -> None:
        self._engine = engine
        self._keys = keys
        self._relay = relay
        self._rules = rules
        self._announce_s = announce_s
        self.batch = Batch(engine, keys, relay, rules)

    def add(
        self, workspace_id: str, wanted: EndpointSpec, once: IdempotencySeed | None = None
    ) -> WrittenEndpoint:
        """Register an endpoint; it is served from its `active_from` on.

        Args:
            workspace_id: the owner.
            wanted: its specification.
            once: seed of an idempotent request.

        Raises:
            InputRefused: names what is wrong.
            DatabaseFailure: nothing was changed.
        """
        workspace = uuid_text("workspace", workspace_id)
        asked = checked(wanted, self._rules)
        secret = asked.secret or new_secret()
        now = wall_ms()
        endpoint_id = str(uuid.uuid4()) if once is None else once.uuid("endpoint")
        endpoint = new_endpoint(self._keys, asked, workspace, endpoint_id, secret, now)
        with translated(), self._engine.begin() as connection:
            before = None if once is None else rows.find(connection, endpoint_id)
            if before is None:
                check_name(connection, endpoint)
                number = rows.insert(connection, endpoint)
            else:
                number = rows.announce(connection, endpoint_id)
        if before is not None:
            endpoint, secret = before, self.private(before).secrets[0].text
        return self._announced(endpoint, number, secret)

    def get(self, endpoint_id: str) -> StoredEndpoint:
        """Return an endpoint.

        Raises:
            NoSuchEndpoint: no endpoint has that id.
            InputRefused: the id is not a UUID.
        """
        wanted = uuid_text("endpoint", endpoint_id)
        with translated(), self._engine.begin() as connection:
            found = rows.find(connection, wanted)
        if found is None:
            raise NoSuchEndpoint(endpoint_id)
        return found

    def list(self, workspace_id: str | None = None) -> Sequence[StoredEndpoint]:
        """Return all endpoints, or those of one workspace."""
        return self.page(workspace_id, None)

    def page(
        self, workspace_id: str | None, most: int | None, after: tuple[int, str] | None = None
    ) -> Sequence[StoredEndpoint]:
        """Return some endpoints, of all or of one workspace; see `find_page`."""
        wanted = None if workspace_id is None else uuid_text("workspace", workspace_id)
        with translated(), self._engine.begin() as connection:
            return rows.find_page(connection, wanted, most, after)

    def some(self, ids: Collection[str]) -> Mapping[str, StoredEndpoint]:
        """Return those of some endpoints that there are, by id."""
        with translated(), self._engine.begin() as connection:
            return rows.find_each(connection, ids)

    def private(self, endpoint: StoredEndpoint) -> EncryptedFields:
        """Return the encrypted fields of an endpoint.

        Raises:
            CannotOpen: its key is missing.
        """
        return unseal(self._keys, endpoint.endpoint_id, endpoint.sealed)

    def public_keys(self, endpoint: StoredEndpoint) -> Sequence[SigningKey]:
        """Return the key pairs that sign for an endpoint, the newest first.

        Raises:
            CannotOpen: its key is not here.
        """
        if V1A not in endpoint.signature_kinds:
            return []
        now = wall_ms()
        pairs = self.private(endpoint).pairs
        return [each for each in pairs if each.expires_at_ms is None or now < each.expires_at_ms]

    def update(
        self, endpoint_id: str, wanted: EndpointSpec, version: int | None = None
    ) -> WrittenEndpoint:
        """Update an endpoint to a specification; without a secret, it keeps the current one.

        Args:
            endpoint_id: the endpoint.
            wanted: its specification.
            version: expected version; None: any.

        Raises:
            ChangedMeanwhile: it has another version.
            NoSuchEndpoint: no endpoint has that id.
            InputRefused: names what is wrong.
        """
        asked = checked(wanted, self._rules)
        before = self.get(endpoint_id)
        if version not in {None, before.version}:
            raise ChangedMeanwhile(endpoint_id)
        written = self._change(changed_endpoint(self._keys, before, asked))
        return replace(written, warnings=dropped(self.wanted(before), asked))

    def check(self, wanted: EndpointSpec) -> EndpointSpec:
        """Return a specification in canonical form, without a change.

        Raises:
            InputRefused: names what is wrong.
        """
        return checked(wanted, self._rules)

    def wanted(self, endpoint: StoredEndpoint) -> EndpointSpec:
        """Return an endpoint in the form in which it can be asked for; without its secret."""
        private = self.private(endpoint)
        return EndpointSpec(
            private.url,
            endpoint.event_types,
            endpoint.spaces,
            dict(private.headers),
            endpoint.rate_limit,
            endpoint.schedule,
            endpoint.format,
            None,
            endpoint.name,
            endpoint.content_filter,
            signing_of(endpoint.signature_kinds),
        )

    def rotate_secret(
        self, endpoint_id: str, overlap_ms: int = OVERLAP_MS, once: IdempotencySeed | None = None
    ) -> WrittenEndpoint:
        """Give an endpoint a new secret and key pair; the former ones sign along for a while.

        Raises:
            NoSuchEndpoint: no endpoint has that id.
            InputRefused: too many former secrets still sign.
        """
        before = self.get(endpoint_id)
        private = self.private(before)
        fresh = new_secret() if once is None else secret_of(once.made("secret"))
        if any(each.text == fresh for each in private.secrets):
            return WrittenEndpoint(before, fresh)
        seed = None if once is None else once.made("key pair")
        times = Overlap(wall_ms(), overlap_ms)
        changed = rotated_endpoint(self._keys, before, fresh, seed, times)
        return replace(self._change(changed), secret=fresh)

    def disable(self, endpoint_id: str, reason: str) -> WrittenEndpoint:
        """Serve an endpoint no more; what is on its way to it becomes dead letters.

        Doing it again changes nothing.

        Raises:
            NoSuchEndpoint: no endpoint has that id.
        """
        before = self.get(endpoint_id)
        if (before.status, before.status_reason) == ("disabled", reason):
            return WrittenEndpoint(before)
        # A new reason does not move the start of what it has missed.
        since = before.status_since if before.status == "disabled" else None
        return self._change(rows.disabled(before, reason, since or wall_ms()))

    def enable(self, endpoint_id: str) -> WrittenEndpoint:
        """Enable an endpoint again, from now on; a replay sends what it missed.

        An enabled endpoint is not changed: with a later `active_from` it would miss current events.

        Raises:
            NoSuchEndpoint: no endpoint has that id.
        """
        before = self.get(endpoint_id)
        if before.status == "active":
            return WrittenEndpoint(before)
        served = enabled_endpoint(self._keys, before, wall_ms())
        return replace(self._change(served), missed_since=before.status_since)

    def disabled_since(self, endpoint: StoredEndpoint) -> int | None:
        """Return when an endpoint was last disabled, in epoch milliseconds; None: unknown.

        Raises:
            CannotOpen: its key is missing.
        """
        if endpoint.status != "active":
            return endpoint.status_since
        earlier = self.private(endpoint).earlier
        return earlier[-1][1] if earlier else None

    def remove(self, endpoint_id: str, version: int | None = None) -> WrittenEndpoint:
        """Delete an endpoint; its deliveries are cancelled.

        Args:
            endpoint_id: the endpoint.
            version: expected version; None: any.

        Raises:
            ChangedMeanwhile: it has another version.
            NoSuchEndpoint: no endpoint has that id.
        """
        wanted = uuid_text("endpoint", endpoint_id)
        with translated(), self._engine.begin() as connection:
            before = rows.find(connection, wanted, for_update=True)
            if before is None:
                raise NoSuchEndpoint(endpoint_id)
            if version not in {None, before.version}:
                raise ChangedMeanwhile(endpoint_id)
            number = rows.remove(connection, before.endpoint_id)
        return self._announced(before, number)

    def sync(self, told: Callable[[int], None] = lambda _: None) -> int:
        """Announce every endpoint again, after a restored backup; return how many.

        Args:
            told: receives the number of announced endpoints at intervals.

        Raises:
            KafkaFailure: the brokers are away; the rest is announced the next time.
        """
        with translated(), self._engine.begin() as connection:
            known = connection.execute(sa.select(ENDPOINTS.c.endpoint_id)).scalars().all()
            rows.announce_all(connection, known)
        self._relay.run(told)
        return len(known)

    def forget(self, endpoint_ids: Sequence[str]) -> None:
        """Write a tombstone for endpoints that are not in the database.

        Raises:
            KafkaFailure: the brokers are away; the rest is announced the next time.
        """
        with translated(), self._engine.begin() as connection:
            for endpoint_id in endpoint_ids:
                rows.announce(connection, endpoint_id)
        self._relay.run()

    def reseal(self) -> int:
        """Encrypt with the first key what other keys encrypted; return the number of endpoints.

        Raises:
            CannotOpen: a key is missing; nothing was changed.
            KafkaFailure: the brokers are away; the rest is announced the next time.
        """
        with translated(), self._engine.begin() as connection:
            count = reseal(connection, self._keys)
        self._relay.run()
        return count

    def _change(self, changed: StoredEndpoint) -> WrittenEndpoint:
        newer = next_version(changed, wall_ms())
        with translated(), self._engine.begin() as connection:
            known = rows.find(connection, newer.endpoint_id, for_update=True)
            if known is None:
                raise NoSuchEndpoint(newer.endpoint_id)
            if known.version != changed.version:
                raise ChangedMeanwhile(newer.endpoint_id)
            check_name(connection, newer)
            number = rows.update(connection, newer)
        return self._announced(newer, number)

    def _announced(
        self, endpoint: StoredEndpoint, number: int, secret: str | None = None
    ) -> WrittenEndpoint:
        """Write the change to Kafka; if the brokers are away, a later relay writes it."""
        trouble = self._relay.tell(number, self._announce_s)
        with suppress(NoSuchEndpoint):
            endpoint = self.get(endpoint.endpoint_id)
        return WrittenEndpoint(endpoint, secret, trouble)
