"""Kinds of attempts, and the days on which each scope had them: the index behind the filters.

A kind is one combination of event type, outcome, status and reason. Rows have its number, and the
indexes of the log end in (kind, time). So a filter, however rare or combined, becomes a few kinds,
and a page is the newest rows of these. `log_days` says on which days a workspace or an endpoint had
a kind, so that a search skips the days without one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from hashlib import blake2b
from typing import Any, Final

from sqlalchemy.engine import Connection

from plaudit.store.db.partitions import DAY_MS
from plaudit.store.db.tables import LOG_DAYS, LOG_KINDS
from plaudit.store.db.upsert import insert_into

EVERYTHING: Final = ""
"""Scope of the whole log; the others are the ids of workspaces and endpoints."""
_MOST_SEEN: Final = 100_000
"""Entries that are remembered; one takes about 200 bytes."""

Kind = tuple[str, str, int | None, str | None]
"""Event type, outcome, status and reason."""


@lru_cache(maxsize=65_536)
def kind_number(kind: Kind) -> int:
    """Return the number of a kind, the same in every process: 63 bits of a hash."""
    digest = blake2b(repr(kind).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 1


class SeenKinds:
    """Memory of a process for what `log_kinds` and `log_days` have, so that it writes them once."""

    def __init__(self) -> None:
        self._kinds: set[int] = set()
        self._days: set[tuple[str, int, int]] = set()

    def clear(self) -> None:
        """Forget all, after a transaction that failed."""
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
        # In one order everywhere, so that two recorders never wait for each other.
        return [{"scope": scope, "day": day, "kind": kind} for scope, day, kind in sorted(fresh)]


def note_kinds(
    connection: Connection,
    rows: Sequence[tuple[str, str, int, int, Kind]],
    seen: SeenKinds,
) -> None:
    """Write which kinds a batch has, for its scopes and days.

    Args:
        connection: transaction of the batch.
        rows: workspace, endpoint, start, number of the kind, and kind of each attempt.
        seen: what this process has written before.

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
        if missing:
            connection.execute(insert_into(connection, table).on_conflict_do_nothing(), missing)
