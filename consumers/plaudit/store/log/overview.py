"""Health and sums of many endpoints at once, for lists."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, Final, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from plaudit.store.db.statistics_tables import HEALTH, HOURS
from plaudit.store.db.tables import ENDPOINTS
from plaudit.store.log.health import Health
from plaudit.store.log.stats import Hour
from plaudit.store.log.sums import HOUR_MS

# Literals, since an index of some rows is not used for a condition with parameters.
_IS_OFF: Final = sa.text("endpoints.status <> 'active'")
_IS_ON: Final = sa.text("endpoints.status = 'active'")
_IS_FAILING: Final = sa.text("endpoint_health.failure_streak > 0")


class Trouble(NamedTuple):
    """An endpoint that is disabled or fails.

    Attributes:
        since: when that began, in epoch milliseconds; 0: unknown.
    """

    since: int
    endpoint_id: str


class Troubles(NamedTuple):
    """Endpoints in trouble.

    Attributes:
        total: number of all.
        first: those that are longest in trouble.
    """

    total: int
    first: Sequence[Trouble]


def health_by_endpoint(connection: Connection, endpoint_ids: Collection[str]) -> dict[str, Health]:
    """Return the health of those of some endpoints that were ever attempted, by endpoint id."""
    query = sa.select(HEALTH).where(HEALTH.c.endpoint_id.in_(endpoint_ids))
    rows = connection.execute(query).mappings()
    return {row["endpoint_id"]: Health(**row) for row in rows}


def sums(connection: Connection, since_ms: int, endpoint_ids: Collection[str]) -> dict[str, Hour]:
    """Return the counts of some endpoints since a time, by endpoint id."""
    first = since_ms // HOUR_MS
    query = sa.select(HOURS).where(HOURS.c.hour >= first, HOURS.c.endpoint_id.in_(endpoint_ids))
    found: dict[str, Hour] = {}
    for row in connection.execute(query):
        found.setdefault(row.endpoint_id, Hour(first)).add(row)
    return found


def troubled(
    connection: Connection, workspace_id: str | None, most: int, after: Trouble | None = None
) -> Sequence[Trouble]:
    """Return endpoints in trouble, the longest first.

    Args:
        connection: to the database.
        workspace_id: only endpoints of this workspace.
        most: number of them.
        after: last one of the page before.
    """
    every = _troubled(workspace_id).subquery()
    order = (every.c.since, every.c.endpoint_id)
    query = sa.select(*order).order_by(*order).limit(most)
    if after is not None:
        query = query.where(sa.tuple_(*order) > sa.tuple_(*map(sa.literal, after)))
    return [Trouble(*row) for row in connection.execute(query)]


def first_troubled(connection: Connection, workspace_id: str | None, most: int) -> Troubles:
    """Return the first endpoints in trouble, and the number of all, in one pass over them."""
    every = _troubled(workspace_id).subquery()
    order = (every.c.since, every.c.endpoint_id)
    query = sa.select(*order, sa.func.count().over()).order_by(*order).limit(most)
    found = connection.execute(query).all()
    return Troubles(found[0][2] if found else 0, [Trouble(*row[:2]) for row in found])


def count_endpoints(connection: Connection, workspace_id: str | None) -> int:
    """Count the endpoints."""
    query = sa.select(sa.func.count()).select_from(ENDPOINTS)
    if workspace_id is not None:
        query = query.where(ENDPOINTS.c.workspace_id == workspace_id)
    return connection.execute(query).scalar_one()


def _troubled(workspace_id: str | None) -> sa.CompoundSelect[Any]:
    """Return the question for all endpoints in trouble; each half reads an index of its own."""
    same = HEALTH.c.endpoint_id == ENDPOINTS.c.endpoint_id
    since = sa.func.coalesce(HEALTH.c.failing_since, ENDPOINTS.c.status_since, 0).label("since")
    what = sa.select(since, ENDPOINTS.c.endpoint_id)
    off = what.select_from(ENDPOINTS.outerjoin(HEALTH, same)).where(_IS_OFF)
    failures = sa.select(HEALTH.c.endpoint_id).where(_IS_FAILING)
    if workspace_id is not None:
        off = off.where(ENDPOINTS.c.workspace_id == workspace_id)
        failures = failures.where(HEALTH.c.workspace_id == workspace_id)
    # As a list and not as a join, in which SQLite would read all endpoints first. The condition on
    # the joined rows leads Postgres to the same index, where it would read all of them.
    is_failing = ENDPOINTS.c.endpoint_id.in_(failures)
    failing = what.select_from(ENDPOINTS.join(HEALTH, same)).where(is_failing, _IS_FAILING, _IS_ON)
    return sa.union_all(off, failing)
