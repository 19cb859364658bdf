"""Many changes of endpoints in one transaction: all of them are made, or none."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from plaudit.endpoints.keys import SecretKeys
from plaudit.endpoints.signing import new_secret
from plaudit.store.db.database import translated
from plaudit.store.db.tables import ENDPOINTS
from plaudit.store.endpoints import rows
from plaudit.store.endpoints.making import changed_endpoint, new_endpoint, next_version
from plaudit.store.endpoints.relay import Relay
from plaudit.store.endpoints.rows import StoredEndpoint
from plaudit.store.endpoints.spec import EndpointSpec, InputRefused, Rules, checked

ANNOUNCE_S: Final = 30.0
AT_ONCE: Final = 500
"""Ids in one question; SQLite takes no more than 32,766 parameters, older ones 999."""


@dataclass(frozen=True, slots=True)
class Change:
    """One change.

    Attributes:
        action: what is done.
        endpoint: as it shall be; of a removal, as it was.
        seen: the version that was looked at; 0 of a new one.
        secret: of a new endpoint.
        warnings: what the change takes away.
    """

    action: Literal["create", "update", "remove"]
    endpoint: StoredEndpoint
    seen: int = 0
    secret: str | None = None
    warnings: Sequence[str] = ()


class ChangedInBetween(InputRefused):
    """Another process changed an endpoint after the plan was made; nothing was done."""

    def __init__(self, endpoint: StoredEndpoint) -> None:
        super().__init__(
            f"endpoint {endpoint.name!r}",
            "it was changed by another process meanwhile, so nothing was done; run it again",
        )


class Batch:
    """Plans changes one by one, and makes them together.

    Args:
        engine: the database.
        keys: seal what is private.
        relay: announces changes.
        rules: what this installation allows.
    """

    def __init__(self, engine: Engine, keys: SecretKeys, relay: Relay, rules: Rules) -> None:
        self._engine = engine
        self._keys = keys
        self._relay = relay
        self._rules = rules

    def check(self, wanted: EndpointSpec) -> EndpointSpec:
        """Return what is asked for in canonical form.

        Raises:
            InputRefused: names what is wrong.
        """
        return checked(wanted, self._rules)

    def adding(self, workspace_id: str, asked: EndpointSpec) -> Change:
        """Return the change that registers an endpoint; `asked` is in canonical form."""
        secret, endpoint_id = asked.secret or new_secret(), str(uuid.uuid4())
        endpoint = new_endpoint(self._keys, asked, workspace_id, endpoint_id, secret, _now_ms())
        return Change("create", endpoint, secret=secret)

    def changing(
        self, before: StoredEndpoint, asked: EndpointSpec, warnings: Sequence[str]
    ) -> Change:
        """Return the change that makes an endpoint as it shall be; `asked` is in canonical form."""
        changed = next_version(changed_endpoint(self._keys, before, asked), _now_ms())
        return Change("update", changed, before.version, warnings=warnings)

    def save(self, changes: Sequence[Change]) -> int:
        """Make changes of different endpoints, all or none; return the number to `tell`.

        Raises:
            ChangedInBetween: nothing was done.
            DatabaseFailure: nothing was done.
        """
        with translated(), self._engine.begin() as connection:
            return write(connection, changes)

    def tell(self, number: int, told: Callable[[int], None] = lambda _: None) -> str | None:
        """Tell the brokers what was saved, and what an earlier run could not tell them.

        Args:
            number: that `save` gave.
            told: called after each batch with how many changes they have heard of so far.

        Returns:
            Why they have not heard of all; None: they have.
        """
        return self._relay.tell(number, ANNOUNCE_S, told) if self._relay.waiting() else None


def write(connection: Connection, changes: Sequence[Change]) -> int:
    """Make changes and note them for the brokers; return the number of the last note.

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
    """Return the versions of endpoints; others wait with their changes."""
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


def _now_ms() -> int:
    return int(time.time() * 1_000)
