"""Sums of attempts by hour and minute: of endpoints, of workspaces, and of all."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Final, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection, RowMapping

from plaudit.store.db.upsert import insert_missing, locked_rows, update_rows

HOUR_MS: Final = 3_600_000
MINUTE_MS: Final = 60_000
MINUTES_KEPT: Final = 25 * 60
"""Retention of the table of minutes: a day, and an hour in which to read it."""
BOUNDS_MS: Final = (1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 20_000)
"""Upper bounds of the histogram's buckets; the last bucket has none."""
_ZEROS: Final = (0,) * (len(BOUNDS_MS) + 1)


class LoggedAttempt(NamedTuple):
    """One HTTP attempt, with the fields for health."""

    started_at: int
    version: int
    outcome: str
    status: int | None
    reason: str | None
    error: str | None
    total_ms: float | None

    @property
    def succeeded(self) -> bool:
        """Whether the response was 2xx."""
        return self.outcome == "delivered"


@dataclass(slots=True)
class HourSum:
    """Outcomes of an endpoint's attempts within an hour or a minute.

    Attributes:
        failed: HTTP attempts without a 2xx response.
        dead: deliveries that were given up.
        diverted: deliveries diverted to a tier without an attempt.
        latencies: number of attempts by duration; buckets as in BOUNDS_MS.
    """

    workspace_id: str
    delivered: int = 0
    failed: int = 0
    dead: int = 0
    diverted: int = 0
    latencies: list[int] = field(default_factory=lambda: list(_ZEROS))

    def take(self, tried: LoggedAttempt, *, http: bool) -> None:
        """Count one row of the log."""
        self.delivered += tried.outcome == "delivered"
        self.failed += http and tried.outcome != "delivered"
        self.dead += tried.outcome in {"dead", "gone"}
        self.diverted += tried.outcome == "diverted"
        if http and tried.total_ms is not None:
            self.latencies[bisect_left(BOUNDS_MS, tried.total_ms)] += 1

    def add(self, more: HourSum) -> None:
        """Add other outcomes."""
        self.delivered += more.delivered
        self.failed += more.failed
        self.dead += more.dead
        self.diverted += more.diverted
        self.latencies = [a + b for a, b in zip(self.latencies, more.latencies, strict=True)]


_NAMES: Final = [each.name for each in fields(HourSum)]


def add_totals(
    connection: Connection, table: sa.Table, sums: Mapping[tuple[str, int], HourSum], now: int
) -> None:
    """Add up all endpoints, or those of each workspace, after the table's first hour or minute.

    Attempts of the first one and of earlier ones may have been counted by a release without totals.

    Args:
        connection: transaction of the batch.
        table: a row for each hour or minute, and for each workspace if it has that column.
        sums: sums by endpoint and hour or minute.
        now: the current hour or minute.

    Raises:
        SQLAlchemyError: the transaction can't continue.
    """
    *owner, moment = table.primary_key
    first = connection.execute(sa.select(sa.func.min(moment))).scalar()
    if first is None:
        first = now
        key = ("", first) if owner else (first,)
        insert_missing(connection, table, [_blank(table, key, HourSum(""))])
    whole: dict[tuple[Any, ...], HourSum] = {}
    for (_, number), each in sums.items():
        if number > first:
            key = (each.workspace_id, number) if owner else (number,)
            whole.setdefault(key, HourSum(each.workspace_id)).add(each)
    add_sums(connection, table, whole)


def add_sums(
    connection: Connection, table: sa.Table, sums: Mapping[tuple[Any, ...], HourSum]
) -> None:
    """Add sums to the rows of a table by its primary key.

    Raises:
        SQLAlchemyError: the transaction can't continue.
    """
    names = [column.name for column in table.primary_key]
    insert_missing(connection, table, [_blank(table, key, each) for key, each in sums.items()])
    keys = [dict(zip(names, key, strict=True)) for key in sums]
    changed = [
        _added(row, sums[tuple(row[name] for name in names)])
        for row in locked_rows(connection, table, keys)
    ]
    update_rows(connection, table, changed)


def _blank(table: sa.Table, key: tuple[Any, ...], sums: HourSum) -> dict[str, Any]:
    """Return a row without outcomes, with the columns that the table has."""
    names = [column.name for column in table.primary_key]
    row = {name: getattr(HourSum(sums.workspace_id), name) for name in _NAMES}
    row |= dict(zip(names, key, strict=True))
    return {name: value for name, value in row.items() if name in table.columns}


def _added(row: RowMapping, more: HourSum) -> dict[str, Any]:
    return {
        **row,
        "delivered": row["delivered"] + more.delivered,
        "failed": row["failed"] + more.failed,
        "dead": row["dead"] + more.dead,
        "diverted": row["diverted"] + more.diverted,
        "latencies": [a + b for a, b in zip(row["latencies"], more.latencies, strict=True)],
    }
