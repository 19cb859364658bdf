"""Hourly statistics of attempts, for charts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from plaudit.records.times import time_text
from plaudit.store.db.tables import HOURS
from plaudit.store.log.health import BOUNDS_MS, HOUR_MS, Health, find_health


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

    def add(self, more: Hour | sa.Row[Any]) -> None:
        """Add what another one counted."""
        self.delivered += more.delivered
        self.failed += more.failed
        self.dead += more.dead
        self.diverted += more.diverted
        self.latencies = [a + b for a, b in zip(self.latencies, more.latencies, strict=True)]

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
        each.add(row)
    return list(hours.values())


def health_of(connection: Connection, endpoint_id: str, since_ms: int) -> dict[str, Any]:
    """Return how an endpoint is doing, as plain data: counts from a moment on, and how it ended."""
    whole = Hour(since_ms // HOUR_MS)
    for each in hourly(connection, None, endpoint_id, since_ms, None):
        whole.add(each)
    known = find_health(connection, endpoint_id) or Health(endpoint_id, "")
    shown = whole.plain()
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
    """Return the upper bound of the bucket that the percentile falls in; None: nothing to tell.

    A duration above the last bound is reported as that bound: attempts end there by time-out.
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
