"""Quotas and operation limits of workspaces.

The defaults are far above normal use. They keep a workspace from filling the tables that every
worker has in memory. Concurrent requests may together exceed a quota.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from plaudit.api.problems import Refused
from plaudit.api.rate_limits import MINUTE_S, RateLimits
from plaudit.api.settings import ApiSettings
from plaudit.endpoints.keys import CannotOpen
from plaudit.records.times import wall_ms
from plaudit.store.db.database import reading
from plaudit.store.db.tables import API_KEYS, ENDPOINTS
from plaudit.store.endpoints.host_names import host_names
from plaudit.store.endpoints.idempotency_seed import IdempotencySeed
from plaudit.store.endpoints.rows import StoredEndpoint
from plaudit.store.endpoints.service import EndpointService
from plaudit.store.endpoints.spec import EndpointSpec

REVOKED_FOR_MS: Final = 24 * 3_600_000
"""Time for which a revoked key counts, or a loop of create and revoke would fill the table."""


@dataclass(frozen=True, slots=True)
class Quotas:
    """Quotas of every workspace.

    Attributes:
        engine: database.
        settings: configured quotas.
        events: limit of events per second.
        retries: limit of manual retries per minute.
        tests: limit of test sends per minute.
    """

    engine: Engine
    settings: ApiSettings
    events: RateLimits
    retries: RateLimits
    tests: RateLimits

    @classmethod
    def of(cls, engine: Engine, settings: ApiSettings) -> Quotas:
        """Return the quotas from the settings."""
        return cls(
            engine,
            settings,
            RateLimits(settings.api_event_rate, what="events", setting="PLAUDIT_API_EVENT_RATE"),
            RateLimits(
                settings.api_retries_per_minute / MINUTE_S,
                burst_s=MINUTE_S,
                what="retries",
                setting="PLAUDIT_API_RETRIES_PER_MINUTE",
            ),
            RateLimits(
                settings.api_tests_per_minute / MINUTE_S,
                burst_s=MINUTE_S,
                what="test sends",
                setting="PLAUDIT_API_TESTS_PER_MINUTE",
            ),
        )

    def check_new(
        self,
        endpoints: EndpointService,
        workspace_id: str,
        wanted: EndpointSpec,
        idempotency: IdempotencySeed | None = None,
    ) -> None:
        """Check that a workspace may have another endpoint.

        Args:
            endpoints: service that decrypts URLs of endpoints.
            workspace_id: workspace of the endpoint.
            wanted: the endpoint.
            idempotency: seed of an idempotent request; a repeated request finds its endpoint.

        Raises:
            Refused: the workspace exceeds a quota.
            DatabaseFailure: the database is not available.
        """
        mine = None if idempotency is None else idempotency.uuid("endpoint")
        self._check_counts(workspace_id, wanted.content_filter, mine, is_new=True)
        self._check_names(endpoints, workspace_id, wanted.url, mine)

    def check_change(
        self,
        endpoints: EndpointService,
        known: StoredEndpoint,
        before: EndpointSpec,
        wanted: EndpointSpec,
    ) -> None:
        """Check that a workspace may change an endpoint.

        Raises:
            Refused: the workspace exceeds a quota.
            DatabaseFailure: the database is not available.
        """
        workspace_id, mine = known.workspace_id, known.endpoint_id
        if wanted.url != before.url:
            self._check_names(endpoints, workspace_id, wanted.url, mine)
        if wanted.content_filter != before.content_filter:
            self._check_counts(workspace_id, wanted.content_filter, mine, is_new=False)

    def _check_counts(
        self, workspace_id: str, content_filter: str | None, mine: str | None, *, is_new: bool
    ) -> None:
        text = ENDPOINTS.c.content_filter
        # In both databases, SQL's `length` counts characters.
        query = sa.select(
            sa.func.count(),
            sa.func.count(text),
            sa.func.coalesce(sa.func.sum(sa.func.length(text)), 0),
        ).where(ENDPOINTS.c.workspace_id == workspace_id)
        if mine is not None:
            query = query.where(ENDPOINTS.c.endpoint_id != mine)
        with reading(self.engine) as connection:
            endpoints, filters, characters = connection.execute(query).one()
        most = self.settings
        if is_new:
            _check("endpoints", endpoints + 1, most.api_max_endpoints, "API_MAX_ENDPOINTS")
        if content_filter is not None:
            _check("filters", filters + 1, most.api_max_filters, "API_MAX_FILTERS")
            _check(
                "characters of filters",
                characters + len(content_filter),
                most.api_max_filter_characters,
                "API_MAX_FILTER_CHARACTERS",
            )

    def _check_names(
        self, endpoints: EndpointService, workspace_id: str, url: str, mine: str | None
    ) -> None:
        most, wanted = self.settings.api_max_names, host_names([url])
        if not most or not wanted:
            return
        others = [each for each in endpoints.list(workspace_id) if each.endpoint_id != mine]
        if len(others) < most:
            return
        names = host_names(_urls(endpoints, others))
        if not wanted <= names:
            _check("host names in URLs", len(names | wanted), most, "API_MAX_NAMES")

    def check_key(self, workspace_id: str, idempotency: IdempotencySeed | None = None) -> None:
        """Check that a workspace may have another key.

        Raises:
            Refused: the workspace exceeds its quota.
            DatabaseFailure: the database is not available.
        """
        revoked = API_KEYS.c.revoked_at
        since = wall_ms() - REVOKED_FOR_MS
        query = (
            sa.select(sa.func.count())
            .select_from(API_KEYS)
            .where(
                API_KEYS.c.workspace_id == workspace_id, sa.or_(revoked.is_(None), revoked > since)
            )
        )
        if idempotency is not None:
            query = query.where(API_KEYS.c.key_id != idempotency.uuid("key"))
        with reading(self.engine) as connection:
            keys = connection.execute(query).scalar_one()
        what = "API keys, with those revoked in the last 24 hours"
        _check(what, keys + 1, self.settings.api_max_keys, "API_MAX_KEYS")


def _urls(endpoints: EndpointService, found: Iterable[StoredEndpoint]) -> Iterator[str]:
    for each in found:
        with suppress(CannotOpen):
            yield endpoints.private(each).url


def _check(what: str, wanted: int, most: int, setting: str) -> None:
    """Compare with a quota; 0 means unlimited.

    Raises:
        Refused: the count exceeds the quota.
    """
    if most and wanted > most:
        detail = f"a workspace may have {most:,} {what} (PLAUDIT_{setting})"
        raise Refused(403, detail, code="quota_exceeded")
