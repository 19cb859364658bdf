"""Delivery log for callers: each call is one short read-only transaction."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy.engine import Engine

from plaudit.store.audit.search import AuditPage, AuditQuery, find_entries
from plaudit.store.db.database import reading
from plaudit.store.log import overview, stats
from plaudit.store.log.health import Health
from plaudit.store.log.overview import Trouble
from plaudit.store.log.queries import (
    DEFAULT_PAGE,
    Attempt,
    NoSuchDelivery,
    Page,
    attempts_about,
    attempts_of,
    count_deliveries,
    find_page,
)
from plaudit.store.log.query import Query
from plaudit.store.log.stats import Hour, Resolution


class EndpointCounts(NamedTuple):
    """Numbers of endpoints: of all, and of those in trouble.

    Attributes:
        first: endpoints that are longest in trouble.
    """

    every: int
    troubled: int
    first: Sequence[Trouble]


class DeliveryLog:
    """Reads the delivery log and its statistics.

    Args:
        engine: database.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def page(self, query: Query, limit: int = DEFAULT_PAGE, cursor: str | None = None) -> Page:
        """Return a page of deliveries, latest first.

        Raises:
            InputRefused: an id or the cursor is not valid.
            DatabaseFailure: the log can't be read.
        """
        with reading(self._engine) as connection:
            return find_page(connection, query, limit=limit, cursor=cursor)

    def count(self, query: Query) -> int:
        """Count deliveries, up to a limit (`MOST_COUNTED`).

        Raises:
            InputRefused: an id is not valid.
            DatabaseFailure: the log can't be read.
        """
        with reading(self._engine) as connection:
            return count_deliveries(connection, query)

    def audit(self, query: AuditQuery, cursor: int | None = None) -> AuditPage:
        """Return a page of the audit log, newest first.

        Raises:
            DatabaseFailure: the log can't be read.
        """
        with reading(self._engine) as connection:
            return find_entries(connection, query, cursor=cursor)

    def attempts(self, delivery_id: str, workspace_id: str | None) -> Sequence[Attempt]:
        """Return the attempts of a delivery in order; at least one.

        Raises:
            NoSuchDelivery: the id is unknown, or belongs to another workspace.
            InputRefused: the text is not an id.
            DatabaseFailure: the log can't be read.
        """
        with reading(self._engine) as connection:
            found = attempts_of(connection, delivery_id)
        if not found or workspace_id not in {None, found[-1].workspace_id}:
            raise NoSuchDelivery(delivery_id)
        return found

    def about(self, some_id: str, workspace_id: str | None) -> Sequence[Attempt]:
        """Return the attempts for an event, or for an entity's events.

        Raises:
            InputRefused: the text is not an id.
            DatabaseFailure: the log can't be read.
        """
        with reading(self._engine) as connection:
            found = attempts_about(connection, some_id)
        return [each for each in found if workspace_id in {None, each.workspace_id}]

    def series(
        self,
        resolution: Resolution,
        workspace_id: str | None,
        endpoint_id: str | None,
        since_ms: int,
        until_ms: int,
    ) -> list[Hour]:
        """Return every hour or minute of a time range, including those without attempts.

        Raises:
            DatabaseFailure: the log can't be read.
        """
        with reading(self._engine) as connection:
            return stats.series(
                connection, resolution, workspace_id, endpoint_id, since_ms, until_ms
            )

    def health(self, endpoint_id: str, since_ms: int) -> dict[str, Any]:
        """Return the health of an endpoint, as in `GET /v1/endpoints/{id}/health`.

        Raises:
            DatabaseFailure: the log can't be read.
        """
        with reading(self._engine) as connection:
            return stats.health_of(connection, endpoint_id, since_ms)

    def health_by_endpoint(self, endpoint_ids: Collection[str]) -> Mapping[str, Health]:
        """Return the health of the endpoints among these that have attempts, by endpoint id.

        Raises:
            DatabaseFailure: the log can't be read.
        """
        with reading(self._engine) as connection:
            return overview.health_by_endpoint(connection, endpoint_ids)

    def sums(self, endpoint_ids: Collection[str], since_ms: int) -> Mapping[str, Hour]:
        """Return the counts of these endpoints since a time, by endpoint id.

        Raises:
            DatabaseFailure: the log can't be read.
        """
        with reading(self._engine) as connection:
            return overview.sums(connection, since_ms, endpoint_ids)

    def troubled(
        self, workspace_id: str | None, most: int, after: Trouble | None = None
    ) -> Sequence[Trouble]:
        """Return endpoints in trouble, the longest first; see `overview.troubled`.

        Raises:
            DatabaseFailure: the database can't be read.
        """
        with reading(self._engine) as connection:
            return overview.troubled(connection, workspace_id, most, after)

    def endpoint_counts(self, workspace_id: str | None, most: int) -> EndpointCounts:
        """Count the endpoints and those in trouble, and return the first of the latter.

        Raises:
            DatabaseFailure: the database can't be read.
        """
        with reading(self._engine) as connection:
            troubles = overview.first_troubled(connection, workspace_id, most)
            every = overview.count_endpoints(connection, workspace_id)
        return EndpointCounts(every, troubles.total, troubles.first)
