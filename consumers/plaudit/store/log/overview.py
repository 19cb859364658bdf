"""Health and sums of many endpoints at once, for lists."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from plaudit.store.db.tables import HEALTH, HOURS
from plaudit.store.log.health import HOUR_MS, Health
from plaudit.store.log.stats import Hour


def health_by_endpoint(
    connection: Connection, workspace_id: str | None = None
) -> dict[str, Health]:
    """Return the health of all endpoints with attempts, or of a workspace's, by endpoint id."""
    query = sa.select(HEALTH)
    if workspace_id is not None:
        query = query.where(HEALTH.c.workspace_id == workspace_id)
    rows = connection.execute(query).mappings()
    return {row["endpoint_id"]: Health(**row) for row in rows}


def sums(connection: Connection, since_ms: int, workspace_id: str | None = None) -> dict[str, Hour]:
    """Return the counts since a time, by endpoint id."""
    first = since_ms // HOUR_MS
    query = sa.select(HOURS).where(HOURS.c.hour >= first)
    if workspace_id is not None:
        query = query.where(HOURS.c.workspace_id == workspace_id)
    found: dict[str, Hour] = {}
    for row in connection.execute(query):
        found.setdefault(row.endpoint_id, Hour(first)).add(row)
    return found
