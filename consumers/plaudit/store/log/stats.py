"""Statistics of attempts by hour or minute, without gaps, for charts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from plaudit.records.times import time_text, wall_ms
from plaudit.store.db.partitions import DAY_MS, FURTHEST_DAYS
from plaudit.store.db.statistics_tables import (
    HOURS,
    MINUTES,
    TOTAL_HOURS,
    TOTAL_MINUTES,
    WORKSPACE_HOURS,
    WORKSPACE_MINUTES,
)
from plaudit.store.log.health import Health, find_health
from plaudit.store.log.sums import BOUNDS_MS, HOUR_MS, MINUTE_MS, MINUTES_KEPT


@dataclass(slots=True)
class Hour:
    """Counts of one hour or minute, for one endpoint or all.

    Attributes:
        hour: hours since 1970, or minutes.
        latencies: counts in the buckets of BOUNDS_MS.
    """

    hour: int
    delivered: int = 0
    failed: int = 0
    dead: int = 0
    diverted: int = 0
    latencies: list[int] = field(default_factory=lambda: [0] * (len(BOUNDS_MS) + 1))

    def add(self, more: Hour | sa.Row[Any]) -> None:
        """Add other counts."""
        self.delivered += more.delivered
        self.failed += more.failed
        self.dead += more.dead
        self.diverted += more.diverted
        self.latencies = [a + b for a, b in zip(self.latencies, more.latencies, strict=True)]

    def plain(self, step_ms: int = HOUR_MS) -> dict[str, Any]:
        """Return the counts as plain data; `step_ms` is the length of the period."""
        tried = self.delivered + self.failed
        return {
            "start": time_text(self.hour * step_ms),
            "hour": time_text(self.hour * step_ms // HOUR_MS * HOUR_MS),
            "delivered": self.delivered,
            "failed": self.failed,
            "dead": self.dead,
            "diverted": self.diverted,
            "success_rate": None if not tried else round(self.delivered / tried, 4),
            "p50_ms": percentile(self.latencies, 0.5),
            "p95_ms": percentile(self.latencies, 0.95),
            "p99_ms": percentile(self.latencies, 0.99),
        }


class Resolution(StrEnum):
    """Length of a step of the statistics."""

    HOUR = "hour"
    MINUTE = "minute"


RETENTION_MS: Final[Mapping[Resolution, int]] = {
    Resolution.HOUR: FURTHEST_DAYS * DAY_MS,
    Resolution.MINUTE: MINUTES_KEPT * MINUTE_MS,
}

_TOTALS: Final[Mapping[tuple[Resolution, bool], sa.Table]] = {
    (Resolution.HOUR, True): TOTAL_HOURS,
    (Resolution.MINUTE, True): TOTAL_MINUTES,
    (Resolution.HOUR, False): WORKSPACE_HOURS,
    (Resolution.MINUTE, False): WORKSPACE_MINUTES,
}
"""Tables of totals by resolution, and by whether they are of all workspaces."""


def step_ms(resolution: Resolution) -> int:
    """Return the length of a step."""
    return MINUTE_MS if resolution is Resolution.MINUTE else HOUR_MS


def series(
    connection: Connection,
    resolution: Resolution,
    workspace_id: str | None,
    endpoint_id: str | None,
    since_ms: int,
    until_ms: int | None,
) -> list[Hour]:
    """Return every hour or minute of a time range, in order, including those without attempts.

    The range is limited by retention: 60 days of hours, 25 hours of minutes.
    """
    length = step_ms(resolution)
    now_ms = wall_ms()
    kept_ms = RETENTION_MS[resolution]
    end = -(-min(now_ms + length, now_ms if until_ms is None else until_ms) // length)
    start = max(since_ms, now_ms - kept_ms) // length
    steps = {number: Hour(number) for number in range(start, end)}
    if endpoint_id is None:
        end = _add_totals(connection, resolution, workspace_id, steps, range(start, end))
    table = MINUTES if resolution is Resolution.MINUTE else HOURS
    moment = table.c[str(resolution)]
    query = sa.select(table, moment.label("step")).where(moment >= start, moment < end)
    if workspace_id is not None:
        query = query.where(table.c.workspace_id == workspace_id)
    if endpoint_id is not None:
        query = query.where(table.c.endpoint_id == endpoint_id)
    for row in connection.execute(query):
        steps[row.step].add(row)
    return list(steps.values())


def _add_totals(
    connection: Connection,
    resolution: Resolution,
    workspace_id: str | None,
    steps: Mapping[int, Hour],
    wanted: range,
) -> int:
    """Add the totals of all endpoints or a workspace's; return the step before which they miss.

    Totals begin after the first row, which an installation has since its upgrade.
    """
    table = _TOTALS[resolution, workspace_id is None]
    moment = table.c[str(resolution)]
    first: int | None = connection.execute(sa.select(sa.func.min(moment))).scalar()
    if first is None:
        return wanted.stop
    since = max(first + 1, wanted.start)
    query = sa.select(table, moment.label("step")).where(moment >= since, moment < wanted.stop)
    if workspace_id is not None:
        query = query.where(table.c.workspace_id == workspace_id)
    for row in connection.execute(query):
        steps[row.step].add(row)
    return min(since, wanted.stop)


def health_of(connection: Connection, endpoint_id: str, since_ms: int) -> dict[str, Any]:
    """Return the health of an endpoint: counts since a time, and the latest outcome."""
    whole = Hour(since_ms // HOUR_MS)
    for each in series(connection, Resolution.HOUR, None, endpoint_id, since_ms, None):
        whole.add(each)
    known = find_health(connection, endpoint_id) or Health(endpoint_id, "")
    shown = whole.plain()
    del shown["start"]
    return {
        "since": shown.pop("hour"),
        **shown,
        "failure_streak": known.failure_streak,
        "failing_since": _time(known.failing_since),
        "last_attempt_at": _time(known.last_attempt_at or None),
        "last_success_at": _time(known.last_success_at),
        "last_failure_at": _time(known.last_failure_at),
        "last_status": known.last_status,
        "last_reason": known.last_reason,
        "last_error": known.last_error,
    }


def _time(epoch_ms: int | None) -> str | None:
    return None if epoch_ms is None else time_text(epoch_ms)


def percentile(latencies: Sequence[int], share: float) -> float | None:
    """Return the upper bound of the percentile's bucket; None without attempts.

    A duration in the last bucket counts as its lower bound, where attempts time out.
    """
    total = sum(latencies)
    if not total:
        return None
    seen = 0
    for bound, count in zip((*BOUNDS_MS, BOUNDS_MS[-1]), latencies, strict=True):
        seen += count
        if seen >= share * total:
            return float(bound)
    return float(BOUNDS_MS[-1])
