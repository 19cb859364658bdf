"""Changes of many endpoints in one transaction."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from plaudit.endpoints.keys import SecretKeys
from plaudit.endpoints.signing import new_secret
from plaudit.records.times import wall_ms
from plaudit.store.db.database import translated
from plaudit.store.db.tables import ENDPOINTS
from plaudit.store.endpoints import rows
from plaudit.store.endpoints.relay import Relay
from plaudit.store.endpoints.rows import StoredEndpoint
from plaudit.store.endpoints.spec import EndpointSpec, InputRefused, Rules, validated
from plaudit.store.endpoints.transitions import changed_endpoint, new_endpoint, next_version

ANNOUNCE_S: Final = 30.0
AT_ONCE: Final = 500
"""Ids per query; SQLite accepts 32,766 parameters, older versions 999."""


@dataclass(frozen=True, slots=True)
class Change:
    """One change.

    Attributes:
        action: kind of the change.
        endpoint: new state; for a removal, the old state.
        seen: version on which the change is based; 0 for a new endpoint.
        secret: secret of a new endpoint.
        warnings: side effects of the change.
    """

    action: Literal["create", "update", "remove"]
    endpoint: StoredEndpoint
    seen: int = 0
    secret: str | None = None
    warnings: Sequence[str] = ()


class ChangedInBetween(InputRefused):
    """Another process changed an endpoint after the caller read it; nothing was changed."""

    def __init__(self, endpoint: StoredEndpoint) -> None:
        super().__init__(
            f"endpoint {endpoint.name!r}",
            "another process changed it meanwhile, so nothing was changed; run the command again",
        )


class Batch:
    """Plans single changes, and saves them together.

    Args:
        engine: database.
        keys: keys that encrypt secrets.
        relay: relays changes to the brokers.
        rules: limits of this installation.
    """

    def __init__(self, engine: Engine, keys: SecretKeys, relay: Relay, rules: Rules) -> None:
        self._engine = engine
        self._keys = keys
        self._relay = relay
        self._rules = rules

    def check(self, wanted: EndpointSpec) -> EndpointSpec:
        """Return the specification in canonical form.

        Raises:
            InputRefused: the specification is invalid; the message names the field.
        """
        return validated(wanted, self._rules)

    def plan_creation(self, workspace_id: str, asked: EndpointSpec) -> Change:
        """Return the change that registers an endpoint; `asked` is in canonical form."""
        secret, endpoint_id = asked.secret or new_secret(), str(uuid.uuid4())
        endpoint = new_endpoint(self._keys, asked, workspace_id, endpoint_id, secret, wall_ms())
        return Change("create", endpoint, secret=secret)

    def plan_update(
        self, before: StoredEndpoint, asked: EndpointSpec, warnings: Sequence[str]
    ) -> Change:
        """Return the change to a new specification; `asked` is in canonical form."""
        changed = next_version(changed_endpoint(self._keys, before, asked), wall_ms())
        return Change("update", changed, before.version, warnings=warnings)

    def save(self, changes: Sequence[Change]) -> int:
        """Save changes of different endpoints, all or none; return the number for `announce`.

        Raises:
            ChangedInBetween: nothing was changed.
            DatabaseFailure: nothing was changed.
        """
        with translated(), self._engine.begin() as connection:
            return write(connection, changes)

    def announce(
        self, number: int, on_progress: Callable[[int], None] = lambda _: None
    ) -> str | None:
        """Relay saved changes to the brokers, including those of earlier runs.

        Args:
            number: result of `save`.
            on_progress: called after each batch with the number of relayed changes.

        Returns:
            The reason if some are not relayed; None if all are.
        """
        return (
            self._relay.announce(number, ANNOUNCE_S, on_progress) if self._relay.waiting() else None
        )


def write(connection: Connection, changes: Sequence[Change]) -> int:
    """Write changes and outbox notes; return the number of the last note.

    Raises:
        ChangedInBetween: the transaction must not be committed.
    """
    known = _known(connection, [each.endpoint.endpoint_id for each in changes if each.seen])
    taken = _names(connection, {each.endpoint.workspace_id for each in changes})
    for change in changes:
        there = known.get(change.endpoint.endpoint_id, 0)
        place = (change.endpoint.workspace_id, change.endpoint.name)
        if there != change.seen or (change.action == "create" and place in taken):
            raise ChangedInBetween(change.endpoint)
    rows.insert_all(connection, _of(changes, "create"))
    rows.update_all(connection, _of(changes, "update"))
    rows.remove_all(connection, [each.endpoint_id for each in _of(changes, "remove")])
    return rows.announce_all(connection, [each.endpoint.endpoint_id for each in changes])


def _of(changes: Sequence[Change], action: str) -> list[StoredEndpoint]:
    return [each.endpoint for each in changes if each.action == action]


def _known(connection: Connection, ids: Sequence[str]) -> dict[str, int]:
    """Return the versions of endpoints, and lock their rows."""
    query = sa.select(ENDPOINTS.c.endpoint_id, ENDPOINTS.c.version).with_for_update()
    return {
        row[0]: row[1]
        for some in _some(ids)
        for row in connection.execute(query.where(ENDPOINTS.c.endpoint_id.in_(some)))
    }


def _names(connection: Connection, workspaces: Collection[str]) -> set[tuple[str, str | None]]:
    query = sa.select(ENDPOINTS.c.workspace_id, ENDPOINTS.c.name)
    found = connection.execute(query.where(ENDPOINTS.c.workspace_id.in_(workspaces)))
    return {(row[0], row[1]) for row in found if row[1] is not None}


def _some(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    return (ids[place : place + AT_ONCE] for place in range(0, len(ids), AT_ONCE))
