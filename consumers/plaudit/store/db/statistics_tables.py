"""Tables of health and of counted outcomes, as of the newest migration."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from sqlalchemy import JSON, BigInteger, Column, Index, Integer, Table, Text

from plaudit.store.db.tables import METADATA, partial_index

HEALTH: Final = Table(
    "endpoint_health",
    METADATA,
    Column("endpoint_id", Text, primary_key=True),
    Column("workspace_id", Text, nullable=False),
    Column("last_attempt_at", BigInteger, nullable=False),
    Column("last_success_at", BigInteger),
    Column("last_failure_at", BigInteger),
    Column("failing_since", BigInteger),
    Column("failing_version", BigInteger),
    Column("failure_streak", BigInteger, nullable=False),
    Column("last_status", Integer),
    Column("last_reason", Text),
    Column("last_error", Text),
    partial_index("endpoint_health_failing", "failure_streak > 0", "workspace_id", "endpoint_id"),
)
"""Health of each endpoint with an attempt; times in epoch milliseconds."""


def _outcomes() -> Iterator[Column[Any]]:
    """Yield the columns that sum up attempts in one period."""
    for outcome in ("delivered", "failed", "dead", "diverted"):
        yield Column(outcome, BigInteger, nullable=False)
    yield Column("latencies", JSON, nullable=False)


HOURS: Final = Table(
    "endpoint_hours",
    METADATA,
    Column("endpoint_id", Text, primary_key=True),
    Column("hour", BigInteger, primary_key=True),
    Column("workspace_id", Text, nullable=False),
    *_outcomes(),
    Index("endpoint_hours_workspace", "workspace_id", "hour"),
)
"""Outcomes of an endpoint's attempts per hour (epoch hours), with a histogram of durations."""

MINUTES: Final = Table(
    "endpoint_minutes",
    METADATA,
    Column("endpoint_id", Text, primary_key=True),
    Column("minute", BigInteger, primary_key=True),
    Column("workspace_id", Text, nullable=False),
    *_outcomes(),
    Index("endpoint_minutes_workspace", "workspace_id", "minute"),
    Index("endpoint_minutes_age", "minute"),
)
"""The same per minute (epoch minutes), for a day."""

WORKSPACE_HOURS: Final = Table(
    "workspace_hours",
    METADATA,
    Column("workspace_id", Text, primary_key=True),
    Column("hour", BigInteger, primary_key=True, autoincrement=False),
    *_outcomes(),
    Index("workspace_hours_age", "hour"),
)
"""Outcomes of a workspace's endpoints together per hour, in the hours after the first row's."""

WORKSPACE_MINUTES: Final = Table(
    "workspace_minutes",
    METADATA,
    Column("workspace_id", Text, primary_key=True),
    Column("minute", BigInteger, primary_key=True, autoincrement=False),
    *_outcomes(),
    Index("workspace_minutes_age", "minute"),
)
"""The same per minute, for a day."""

TOTAL_HOURS: Final = Table(
    "total_hours",
    METADATA,
    Column("hour", BigInteger, primary_key=True, autoincrement=False),
    *_outcomes(),
)
"""Outcomes of all endpoints together per hour, in the hours after that of the first row."""

TOTAL_MINUTES: Final = Table(
    "total_minutes",
    METADATA,
    Column("minute", BigInteger, primary_key=True, autoincrement=False),
    *_outcomes(),
)
"""The same per minute, for a day."""
