"""What became of attempts, by the hour: for charts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from plaudit.records.times import time_text
from plaudit.store.health import BOUNDS_MS, HOUR_MS
from plaudit.store.tables import HOURS


@dataclass(slots=True)
class Hour:
    """One hour of one endpoint, or of all.

    Attributes:
        hour: since 1970.
        latencies: as BOUNDS_MS has the buckets.
    """

    hour: int
    delivered: int = 0
    failed: int = 0
    dead: int = 0
    diverted: int = 0
    latencies: list[int] = field(default_factory=lambda: [0] * (len(BOUNDS_MS) + 1))

    def plain(self) -> dict[str, Any]:
        """Return it as plain data."""
        tried = self.delivered + self.failed
        return {
            "hour": time_text(self.hour * HOUR_MS),
            "delivered": self.delivered,
            "failed": self.failed,
            "dead": self.dead,
            "diverted": self.diverted,
            "success_rate": None if not tried else round(self.delivered / tried, 4),
            "p50_ms": percentile(self.latencies, 0.5),
            "p95_ms": percentile(self.latencies, 0.95),
            "p99_ms": percentile(self.latencies, 0.99),
        }


def hourly(
    connection: Connection,
    workspace_id: str | None,
    endpoint_id: str | None,
    since_ms: int,
    until_ms: int | None,
) -> list[Hour]:
    """Return the hours in which something was attempted, in order."""
    query = sa.select(HOURS).where(HOURS.c.hour >= since_ms // HOUR_MS).order_by(HOURS.c.hour)
    if workspace_id is not None:
        query = query.where(HOURS.c.workspace_id == workspace_id)
    if endpoint_id is not None:
        query = query.where(HOURS.c.endpoint_id == endpoint_id)
    if until_ms is not None:
        query = query.where(HOURS.c.hour < -(-until_ms // HOUR_MS))
    hours: dict[int, Hour] = {}
    for row in connection.execute(query):
        each = hours.setdefault(row.hour, Hour(row.hour))
        each.delivered += row.delivered
        each.failed += row.failed
        each.dead += row.dead
        each.diverted += row.diverted
        each.latencies = [a + b for a, b in zip(each.latencies, row.latencies, strict=True)]
    return list(hours.values())


def percentile(latencies: Sequence[int], share: float) -> float | None:
    """Return the upper bound of the bucket that the percentile falls in; None: nothing to tell.

    What is above the last bound is told as that one: attempts end there by their time-out.
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
