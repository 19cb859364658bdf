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
from plaudit.store.endpoints.header_protection import dropped_headers
from plaudit.store.endpoints.idempotency_seed import IdempotencySeed
from plaudit.store.endpoints.reencrypt import reseal
from plaudit.store.endpoints.relay import Relay
from plaudit.store.endpoints.rows import StoredEndpoint
from plaudit.store.endpoints.spec import EndpointSpec, Rules, uuid_text, validated
from plaudit.store.endpoints.transitions import (
    V1A,
    Overlap,
    changed_endpoint,
    enabled_endpoint,
    new_endpoint,
    next_version,
    rotated_endpoint,
)
from plaudit.store.endpoints.unique_name import check_name

ANNOUNCE_S: Final = 10.0
OVERLAP_MS: Final = 24 * 3_600_000
"""Time for which both secrets sign after a rotation."""


class EndpointService:
    """Reads and changes endpoints. A change goes to the database, and from there to Kafka.

    Args:
        engine: the database.
        keys: keys that encrypt private fields.
        relay: writes changes to Kafka.
        rules: limits of this installation.
        announce_s: seconds that a change waits until it is in Kafka.

    Attributes:
        batch: changes of many endpoints at once.
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
        self, workspace_id: str, wanted: EndpointSpec, idempotency: IdempotencySeed | None = None
    ) -> WrittenEndpoint:
        """Register an endpoint; its service starts at its `active_from`.

        Args:
            workspace_id: the owner.
            wanted: its specification.
            idempotency: seed of an idempotent request.

        Raises:
            InputRefused: a field is invalid; the message names it.
            DatabaseFailure: nothing was changed.
        """
        workspace = uuid_text("workspace", workspace_id)
        asked = validated(wanted, self._rules)
        secret = asked.secret or new_secret()
        now = wall_ms()
        endpoint_id = str(uuid.uuid4()) if idempotency is None else idempotency.uuid("endpoint")
        endpoint = new_endpoint(self._keys, asked, workspace, endpoint_id, secret, now)
        with translated(), self._engine.begin() as connection:
            before = None if idempotency is None else rows.find(connection, endpoint_id)
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
            NoSuchEndpoint: the id is unknown.
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
        """Return a page of endpoints, of all workspaces or of one; see `find_page`."""
        wanted = None if workspace_id is None else uuid_text("workspace", workspace_id)
        with translated(), self._engine.begin() as connection:
            return rows.find_page(connection, wanted, most, after)

    def find_many(self, ids: Collection[str]) -> Mapping[str, StoredEndpoint]:
        """Return the existing endpoints among some ids, by id."""
        if not ids:
            return {}
        with translated(), self._engine.begin() as connection:
            return rows.find_each(connection, ids)

    def private(self, endpoint: StoredEndpoint) -> EncryptedFields:
        """Return the encrypted fields of an endpoint.

        Raises:
            CannotOpen: its key is missing.
        """
        return unseal(self._keys, endpoint.endpoint_id, endpoint.sealed)

    def public_keys(self, endpoint: StoredEndpoint) -> Sequence[SigningKey]:
        """Return the key pairs that sign for an endpoint, newest first.

        Raises:
            CannotOpen: its key is missing.
        """
        if V1A not in endpoint.signature_kinds:
            return []
        now = wall_ms()
        pairs = self.private(endpoint).pairs
        return [each for each in pairs if each.expires_at_ms is None or now < each.expires_at_ms]

    def update(
        self, endpoint_id: str, wanted: EndpointSpec, version: int | None = None
    ) -> WrittenEndpoint:
        """Change an endpoint to a specification; without a secret, the current one stays.

        Args:
            endpoint_id: the endpoint.
            wanted: its specification.
            version: expected version; None: any.

        Raises:
            ChangedMeanwhile: the endpoint has another version.
            NoSuchEndpoint: the id is unknown.
            InputRefused: a field is invalid; the message names it.
        """
        asked = validated(wanted, self._rules)
        before = self.get(endpoint_id)
        if version not in {None, before.version}:
            raise ChangedMeanwhile(endpoint_id)
        written = self._change(changed_endpoint(self._keys, before, asked))
        return replace(written, warnings=dropped_headers(self.spec_of(before), asked))

    def check(self, wanted: EndpointSpec) -> EndpointSpec:
        """Validate a specification; return it in canonical form.

        Raises:
            InputRefused: a field is invalid; the message names it.
        """
        return validated(wanted, self._rules)

    def spec_of(self, endpoint: StoredEndpoint) -> EndpointSpec:
        """Return the specification of an endpoint, without its secret."""
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
        self,
        endpoint_id: str,
        overlap_ms: int = OVERLAP_MS,
        idempotency: IdempotencySeed | None = None,
    ) -> WrittenEndpoint:
        """Give an endpoint a new secret and key pair; former ones sign for a while.

        Raises:
            NoSuchEndpoint: the id is unknown.
            InputRefused: too many former secrets still sign.
        """
        before = self.get(endpoint_id)
        private = self.private(before)
        fresh = new_secret() if idempotency is None else secret_of(idempotency.derive("secret"))
        if any(each.text == fresh for each in private.secrets):
            return WrittenEndpoint(before, fresh)
        seed = None if idempotency is None else idempotency.derive("key pair")
        times = Overlap(wall_ms(), overlap_ms)
        changed = rotated_endpoint(self._keys, before, fresh, seed, times)
        return replace(self._change(changed), secret=fresh)

    def disable(self, endpoint_id: str, reason: str) -> WrittenEndpoint:
        """Stop serving an endpoint; its pending deliveries become dead letters. Idempotent.

        Raises:
            NoSuchEndpoint: the id is unknown.
        """
        before = self.get(endpoint_id)
        if (before.status, before.status_reason) == ("disabled", reason):
            return WrittenEndpoint(before)
        # A new reason does not change since when the endpoint has missed events.
        since = before.status_since if before.status == "disabled" else None
        return self._change(rows.disabled(before, reason, since or wall_ms()))

    def enable(self, endpoint_id: str) -> WrittenEndpoint:
        """Enable an endpoint from now on; a replay sends the events that it missed.

        An enabled endpoint stays unchanged: a later `active_from` would skip current events.

        Raises:
            NoSuchEndpoint: the id is unknown.
        """
        before = self.get(endpoint_id)
        if before.status == "active":
            return WrittenEndpoint(before)
        served = enabled_endpoint(self._keys, before, wall_ms())
        return replace(self._change(served), missed_since=before.status_since)

    def disabled_since(self, endpoint: StoredEndpoint) -> int | None:
        """Return when an endpoint was last disabled, in epoch milliseconds; None if unknown.

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
            ChangedMeanwhile: the endpoint has another version.
            NoSuchEndpoint: the id is unknown.
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

    def sync(self, on_progress: Callable[[int], None] = lambda _: None) -> int:
        """Announce every endpoint again, for example after restoring a backup; return their number.

        Args:
            on_progress: receives the number of announced endpoints at intervals.

        Raises:
            KafkaFailure: the brokers are away; the rest is announced the next time.
        """
        with translated(), self._engine.begin() as connection:
            known = connection.execute(sa.select(ENDPOINTS.c.endpoint_id)).scalars().all()
            rows.announce_all(connection, known)
        self._relay.run(on_progress)
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
        """Re-encrypt with the first key all fields that use another; return the endpoints' number.

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
        """Write the change to Kafka; if the brokers are unavailable, a later relay writes it."""
        trouble = self._relay.announce(number, self._announce_s)
        with suppress(NoSuchEndpoint):
            endpoint = self.get(endpoint.endpoint_id)
        return WrittenEndpoint(endpoint, secret, trouble)
