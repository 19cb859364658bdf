"""Endpoint health: sums over new attempts in the log.

An attempt counts once, because the sums cover the rows that `insert_new` returned in the same
transaction.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from operator import itemgetter
from typing import Any, Final, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from plaudit.records.times import wall_ms
from plaudit.store.db.statistics_tables import (
    HEALTH,
    HOURS,
    MINUTES,
    TOTAL_HOURS,
    TOTAL_MINUTES,
    WORKSPACE_HOURS,
    WORKSPACE_MINUTES,
)
from plaudit.store.db.upsert import insert_missing, locked_rows, update_rows
from plaudit.store.log.sums import (
    HOUR_MS,
    MINUTE_MS,
    MINUTES_KEPT,
    HourSum,
    LoggedAttempt,
    add_sums,
    add_totals,
)
from plaudit.store.log.writer import COLUMNS, Row


@dataclass(frozen=True, slots=True)
class Health:
    """Health of an endpoint; times in epoch milliseconds.

    Attributes:
        failing_since: first failure of this version after the last success.
        failing_version: endpoint version of the failures.
        failure_streak: consecutive failures.
    """

    endpoint_id: str
    workspace_id: str
    last_attempt_at: int = 0
    last_success_at: int | None = None
    last_failure_at: int | None = None
    failing_since: int | None = None
    failing_version: int | None = None
    failure_streak: int = 0
    last_status: int | None = None
    last_reason: str | None = None
    last_error: str | None = None

    @property
    def failing_for_ms(self) -> int:
        """Time without a success, from the first failure to the last."""
        return 0 if self.failing_since is None else self.last_attempt_at - self.failing_since

    def after(self, attempts: Sequence[LoggedAttempt]) -> Health:
        """Return the health after more attempts, in order; older attempts are ignored."""
        news = [
            each
            for each in attempts
            if each.started_at >= self.last_attempt_at
            and each.version >= (self.failing_version or 0)
        ]
        if not news:
            return self
        # Only failures after the last success form a streak.
        succeeded = next((each for each in reversed(news) if each.succeeded), None)
        since = 0 if succeeded is None else len(news) - news[::-1].index(succeeded)
        now = replace(self, last_attempt_at=news[-1].started_at, last_status=news[-1].status)
        failed = next((each for each in reversed(news) if not each.succeeded), None)
        if failed is not None:
            now = replace(
                now,
                last_failure_at=failed.started_at,
                last_reason=failed.reason,
                last_error=failed.error,
            )
        if succeeded is not None:
            now = replace(now, last_success_at=succeeded.started_at).unbroken()
        return now.failing(news[since:])

    def unbroken(self) -> Health:
        """Return the health without a failure streak."""
        return replace(self, failing_since=None, failing_version=None, failure_streak=0)

    def failing(self, failures: Sequence[LoggedAttempt]) -> Health:
        """Return the health after failures; a changed endpoint starts a new streak."""
        since, version, streak = self.failing_since, self.failing_version, self.failure_streak
        for each in failures:
            if since is None or version is None or each.version > version:
                since, version, streak = each.started_at, each.version, 0
            streak += each.version == version
        return replace(self, failing_since=since, failing_version=version, failure_streak=streak)


@dataclass(frozen=True, slots=True)
class Sums:
    """Sums of a batch.

    Attributes:
        hours: sums by endpoint and epoch hour.
        minutes: sums by endpoint and epoch minute.
        tried: HTTP attempts by endpoint, in order of time.
        workspaces: workspaces of the endpoints.
    """

    hours: Mapping[tuple[str, int], HourSum]
    minutes: Mapping[tuple[str, int], HourSum]
    tried: Mapping[str, list[LoggedAttempt]]
    workspaces: Mapping[str, str]


_NAMES: Final = [each.name for each in fields(Health)]
_wanted: Final = itemgetter(*map(COLUMNS.index, ("endpoint_id", "workspace_id")))
_details: Final = itemgetter(
    *(
        COLUMNS.index("endpoint_version" if name == "version" else name)
        for name in LoggedAttempt._fields
    )
)


def sum_rows(rows: Iterable[Row]) -> Sums:
    """Sum up rows of the log."""
    minutes: dict[tuple[str, int], HourSum] = {}
    tried: dict[str, list[LoggedAttempt]] = {}
    workspaces: dict[str, str] = {}
    for row in rows:
        endpoint_id, workspace_id = _wanted(row)
        each = LoggedAttempt._make(_details(row))
        key = endpoint_id, each.started_at // MINUTE_MS
        http = _is_http(each)
        minute = minutes.get(key)
        if minute is None:
            minute = minutes[key] = HourSum(workspace_id)
        minute.take(each, http=http)
        if http:
            tried.setdefault(endpoint_id, []).append(each)
            workspaces[endpoint_id] = workspace_id
    for attempts in tried.values():
        attempts.sort(key=lambda each: each.started_at)
    return Sums(_hours(minutes), minutes, tried, workspaces)


def _hours(minutes: Mapping[tuple[str, int], HourSum]) -> dict[tuple[str, int], HourSum]:
    """Add up minutes to hours."""
    hours: dict[tuple[str, int], HourSum] = {}
    for (endpoint_id, minute), each in minutes.items():
        key = endpoint_id, minute * MINUTE_MS // HOUR_MS
        if key not in hours:
            hours[key] = HourSum(each.workspace_id)
        hours[key].add(each)
    return hours


def _is_http(tried: LoggedAttempt) -> bool:
    """Return whether the worker made a request; other records do not affect health."""
    sent = tried.outcome in {"delivered", "retrying", "gone"}
    return sent or tried.status is not None or tried.total_ms is not None


class HealthChange(NamedTuple):
    """Health of an endpoint before and after a batch."""

    before: Health
    after: Health


def apply_sums(connection: Connection, sums: Sums) -> list[HealthChange]:
    """Add a batch to the tables; return the health of the attempted endpoints.

    Raises:
        SQLAlchemyError: the transaction can't continue.
    """
    add_sums(connection, HOURS, sums.hours)
    now_ms = wall_ms()
    oldest = now_ms // MINUTE_MS - MINUTES_KEPT
    recent = {key: each for key, each in sums.minutes.items() if key[1] >= oldest}
    add_sums(connection, MINUTES, recent)
    blank = {each: Health(each, workspace) for each, workspace in sums.workspaces.items()}
    insert_missing(connection, HEALTH, [_flat(each) for each in blank.values()])
    keys = [{"endpoint_id": each} for each in sums.tried]
    known = [Health(**row) for row in locked_rows(connection, HEALTH, keys)]
    changes = [HealthChange(each, each.after(sums.tried[each.endpoint_id])) for each in known]
    update_rows(connection, HEALTH, [_flat(each.after) for each in changes])
    # Last, since every recorder writes these rows: others wait only until this transaction ends.
    add_totals(connection, WORKSPACE_HOURS, sums.hours, now_ms // HOUR_MS)
    add_totals(connection, WORKSPACE_MINUTES, recent, now_ms // MINUTE_MS)
    add_totals(connection, TOTAL_HOURS, sums.hours, now_ms // HOUR_MS)
    add_totals(connection, TOTAL_MINUTES, recent, now_ms // MINUTE_MS)
    return changes


def find_health(connection: Connection, endpoint_id: str) -> Health | None:
    """Return the health of an endpoint; None if it was never attempted."""
    query = sa.select(HEALTH).where(HEALTH.c.endpoint_id == endpoint_id)
    row = connection.execute(query).mappings().one_or_none()
    return None if row is None else Health(**row)


def _flat(row: Health) -> dict[str, Any]:
    """Return a row's columns; unlike `asdict`, without copying each value."""
    return {name: getattr(row, name) for name in _NAMES}
