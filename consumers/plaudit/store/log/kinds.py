"""Index behind the filters of the log: kinds of attempts, and the days with each kind.

A kind is one combination of event type, outcome, status and reason. Each row has the number of its
kind, and the indexes of the log end in (kind, time). So every filter becomes a few kinds, and a
page consists of their newest rows. `log_days` lists the days on which a workspace or an endpoint
had a kind, so that a search skips the other days.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from hashlib import blake2b
from typing import Any, Final

from sqlalchemy.engine import Connection

from plaudit.store.db.partitions import DAY_MS
from plaudit.store.db.tables import LOG_DAYS, LOG_KINDS
from plaudit.store.db.upsert import insert_missing

EVERYTHING: Final = ""
"""Scope of the whole log; other scopes are ids of workspaces and endpoints."""
_MOST_SEEN: Final = 100_000
"""Size of the cache; an entry takes about 200 bytes."""

Kind = tuple[str, str, int | None, str | None]
"""Event type, outcome, status and reason."""


@lru_cache(maxsize=65_536)
def kind_number(kind: Kind) -> int:
    """Return the number of a kind, the same in every process: 63 bits of a hash."""
    digest = blake2b(repr(kind).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 1


class SeenKinds:
    """Cache of the rows in `log_kinds` and `log_days`, so that a process writes them once."""

    def __init__(self) -> None:
        self._kinds: set[int] = set()
        self._days: set[tuple[str, int, int]] = set()

    def clear(self) -> None:
        """Clear the cache, after a failed transaction."""
        self._kinds.clear()
        self._days.clear()

    def new_kinds(self, kinds: Iterable[tuple[int, Kind]]) -> list[dict[str, Any]]:
        """Return the rows of `log_kinds` that this process has not written."""
        fresh = {number: kind for number, kind in kinds if number not in self._kinds}
        self._kinds |= fresh.keys()
        names = ("event_type", "outcome", "status", "reason")
        return [
            {"kind": number, **dict(zip(names, fresh[number], strict=True))}
            for number in sorted(fresh)
        ]

    def new_days(self, days: set[tuple[str, int, int]]) -> list[dict[str, Any]]:
        """Return the rows of `log_days` that this process has not written."""
        fresh = days - self._days
        if len(self._days) + len(fresh) > _MOST_SEEN:
            self._days.clear()
        self._days |= fresh
        # Always in the same order, so that two recorders never deadlock.
        return [{"scope": scope, "day": day, "kind": kind} for scope, day, kind in sorted(fresh)]


def write_kinds(
    connection: Connection,
    rows: Sequence[tuple[str, str, int, int, Kind]],
    seen: SeenKinds,
) -> None:
    """Write the kinds of a batch, and their scopes and days.

    Args:
        connection: transaction of the batch.
        rows: workspace, endpoint, start, number of the kind, and kind of each attempt.
        seen: cache of this process.

    Raises:
        SQLAlchemyError: the transaction can't continue.
    """
    kinds = seen.new_kinds({(number, kind) for *_, number, kind in rows})
    days = seen.new_days(
        {
            (scope, started_at // DAY_MS, number)
            for workspace_id, endpoint_id, started_at, number, _ in rows
            for scope in (EVERYTHING, workspace_id, endpoint_id)
        }
    )
    for table, missing in ((LOG_KINDS, kinds), (LOG_DAYS, days)):
        insert_missing(connection, table, missing)
