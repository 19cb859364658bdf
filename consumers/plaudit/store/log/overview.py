"""Health and sums of many endpoints at once, for lists."""

from __future__ import annotations

import json
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
_SAME: Final = HEALTH.c.endpoint_id == ENDPOINTS.c.endpoint_id


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
    # One row an endpoint, with the latencies of all its hours as one text: to fetch and parse a
    # thousand rows took two thirds of a page.
    latencies = sa.func.aggregate_strings(sa.cast(HOURS.c.latencies, sa.Text), ",")
    counts = (HOURS.c.delivered, HOURS.c.failed, HOURS.c.dead, HOURS.c.diverted)
    query = (
        sa.select(HOURS.c.endpoint_id, *map(sa.func.sum, counts), latencies)
        .where(HOURS.c.hour >= first, HOURS.c.endpoint_id.in_(endpoint_ids))
        .group_by(HOURS.c.endpoint_id)
    )
    return {
        row[0]: Hour(first, row[1], row[2], row[3], row[4], _added(row[5]))
        for row in connection.execute(query)
    }


def _added(texts: str) -> list[int]:
    """Return the sums of the buckets of several hours."""
    return [sum(bucket) for bucket in zip(*json.loads(f"[{texts}]"), strict=True)]


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
    halves = [_first(each, most, after) for each in (_off(workspace_id), _failing(workspace_id))]
    every = sa.union_all(*halves).subquery()
    order = (every.c.since, every.c.endpoint_id)
    query = sa.select(*order).order_by(*order).limit(most)
    return [Trouble(*row) for row in connection.execute(query)]


def first_troubled(connection: Connection, workspace_id: str | None, most: int) -> Troubles:
    """Return the first endpoints in trouble, and the number of all.

    Args:
        connection: to the database.
        workspace_id: only endpoints of this workspace.
        most: number of them; 0: only count.
    """
    off = sa.select(ENDPOINTS.c.endpoint_id).where(_IS_OFF)
    failing = sa.select(HEALTH.c.endpoint_id).where(_IS_FAILING, _is_of_an_endpoint())
    both = sa.select(HEALTH.c.endpoint_id).join(ENDPOINTS, _SAME).where(_IS_OFF, _IS_FAILING)
    if workspace_id is not None:
        off = off.where(ENDPOINTS.c.workspace_id == workspace_id)
        failing = failing.where(HEALTH.c.workspace_id == workspace_id)
        both = both.where(ENDPOINTS.c.workspace_id == workspace_id)
    total = _count(off) + _count(failing) - _count(both)
    counted = connection.execute(sa.select(total)).scalar_one()
    return Troubles(counted, troubled(connection, workspace_id, most) if most else ())


def count_endpoints(connection: Connection, workspace_id: str | None) -> int:
    """Count the endpoints."""
    query = sa.select(sa.func.count()).select_from(ENDPOINTS)
    if workspace_id is not None:
        query = query.where(ENDPOINTS.c.workspace_id == workspace_id)
    return connection.execute(query).scalar_one()


def _count(query: sa.Select[Any]) -> sa.ScalarSelect[int]:
    return sa.select(sa.func.count()).select_from(query.subquery()).scalar_subquery()


def _is_of_an_endpoint(*conditions: sa.TextClause) -> sa.Exists:
    """Return whether the endpoint of a row of health was not deleted, and satisfies conditions."""
    return sa.exists().where(_SAME, *conditions)


def _off(workspace_id: str | None) -> sa.Select[Any]:
    """Return the query for all endpoints that are disabled."""
    since = sa.func.coalesce(HEALTH.c.failing_since, ENDPOINTS.c.status_since, 0).label("since")
    query = sa.select(since, ENDPOINTS.c.endpoint_id).where(_IS_OFF)
    if workspace_id is not None:
        query = query.where(ENDPOINTS.c.workspace_id == workspace_id)
    return query.select_from(ENDPOINTS.outerjoin(HEALTH, _SAME))


def _failing(workspace_id: str | None) -> sa.Select[Any]:
    """Return the query for all endpoints that fail and are not disabled."""
    since = sa.func.coalesce(HEALTH.c.failing_since, 0).label("since")
    query = sa.select(since, HEALTH.c.endpoint_id).where(_IS_FAILING, _is_of_an_endpoint(_IS_ON))
    return query if workspace_id is None else query.where(HEALTH.c.workspace_id == workspace_id)


def _first(query: sa.Select[Any], most: int, after: Trouble | None) -> sa.Select[Any]:
    """Return the query for the first rows of another; it looks up only their endpoints."""
    order = tuple(query.selected_columns)
    if after is not None:
        query = query.where(sa.tuple_(*order) > sa.tuple_(*map(sa.literal, after)))
    return sa.select(query.order_by(*order).limit(most).subquery())
