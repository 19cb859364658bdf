"""Search of the delivery log, newest first, by indexes alone.

A filter by event type, state, outcome, status or reason becomes a set of kinds (see
`plaudit.store.log.kinds`). The search visits the days with such kinds from the newest, a few at a
time. For each kind of a day, it reads the newest rows from an index that ends in (kind, time). So
the time for a page depends on its size, and not on how rare the rows are.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Final, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from plaudit.store.db.partitions import DAY_MS
from plaudit.store.db.statistics_tables import HEALTH
from plaudit.store.db.tables import ATTEMPTS, LOG_DAYS, LOG_KINDS, Id
from plaudit.store.log.kinds import EVERYTHING
from plaudit.store.log.query import Query
from plaudit.store.log.search_sql import Scope, Wanted, span_statement

_MOST_SPANS: Final = 400
"""Spans per statement: with a page of 50 rows, it reads at most 20,000 index entries."""
_END_MS: Final = 2**62
_NOT_FOLLOWED: Final[sa.ColumnElement[bool]] = sa.literal_column("NOT attempts.followed")
"""The condition exactly as the partial indexes state it."""


class Place(NamedTuple):
    """Place of a row in the order of the log."""

    started_at: int
    attempt_id: str


class SearchedRow(NamedTuple):
    """A row that matches a query, but perhaps not the text that the query wants in the error.

    Attributes:
        matches: whether its error has the text; true without one.
    """

    place: Place
    matches: bool


@dataclass(frozen=True, slots=True)
class Span:
    """A day, or a part of one, in which a scope has rows of a kind."""

    kind: int
    low_ms: int
    high_ms: int


def searched_rows(
    connection: Connection, query: Query, limit: int, after: Place | None = None
) -> Iterator[SearchedRow]:
    """Yield up to `limit` rows that are the latest of their delivery, and match but for the error.

    If rows were written out of order, a later one may still exist.

    Args:
        connection: database.
        query: conditions.
        limit: number of rows.
        after: the row before the first one; None begins at the newest.
    """
    if not _has_kinds(connection, query):
        yield from _walk(connection, query, limit, after)
        return
    if _is_foreign(connection, query):
        return
    _without_jit(connection)
    left = limit
    for some in _batches(connection, query, after):
        found = _newest(connection, query, some, left, after)
        yield from found
        left -= len(found)
        if left <= 0:
            return


def count_rows(connection: Connection, query: Query, most: int) -> int:
    """Return the number of matching deliveries, at most `most`."""
    if not _has_kinds(connection, query):
        some = sa.select(sa.literal(1)).select_from(ATTEMPTS).where(*row_conditions(query))
        counted = sa.select(sa.func.count()).select_from(some.limit(most).subquery())
        return int(connection.execute(counted).scalar() or 0)
    if _is_foreign(connection, query):
        return 0
    _without_jit(connection)
    total = 0
    for spans in _batches(connection, query, None):
        given = {**_scope_values(query), **_span_values(connection, spans), "n": most - total}
        total += int(
            connection.execute(_statement(connection, query, "count"), given).scalar() or 0
        )
        if total >= most:
            break
    return total


def _has_kinds(connection: Connection, query: Query) -> bool:
    """Return whether a query uses kinds, not the order of time or another index."""
    if query.event_id is not None or query.subject is not None:
        return False
    if scope_of(query) == EVERYTHING and not filters_kind(query):
        return False
    return not has_old_rows(connection)


def has_old_rows(connection: Connection) -> bool:
    """Return whether rows of an earlier release have no kind yet."""
    old = sa.select(sa.literal(1)).select_from(ATTEMPTS).where(*is_unlabeled()).limit(1)
    return connection.execute(old).scalar() is not None


def is_unlabeled() -> tuple[sa.ColumnElement[bool], ...]:
    """Return the conditions for rows without a kind, as an index states them."""
    return ATTEMPTS.c.kind.is_(None), _NOT_FOLLOWED


def filters_kind(query: Query) -> bool:
    """Return whether a query restricts the kind."""
    kinds = (query.event_type, query.outcomes, query.outcome, query.status)
    wanted = (*kinds, query.reason, query.error)
    return any(each is not None for each in wanted)


def row_conditions(query: Query) -> list[sa.ColumnElement[bool]]:
    """Return a query's conditions on rows of the log, without the page's position."""
    wanted: dict[str, object] = {
        "workspace_id": query.workspace_id,
        "endpoint_id": query.endpoint_id,
        "event_id": query.event_id,
        "subject": query.subject,
        "event_type": query.event_type,
        "outcome": query.outcome,
        "reason": query.reason,
    }
    conditions = [ATTEMPTS.c[name] == value for name, value in wanted.items() if value is not None]
    if query.status is not None:
        conditions.append(ATTEMPTS.c.status.between(*query.status))
    if query.outcomes is not None:
        conditions.append(ATTEMPTS.c.outcome.in_(query.outcomes))
    if query.since_ms is not None:
        conditions.append(ATTEMPTS.c.started_at >= query.since_ms)
    if query.until_ms is not None:
        conditions.append(ATTEMPTS.c.started_at < query.until_ms)
    return [*conditions, _NOT_FOLLOWED]


def _walk(
    connection: Connection, query: Query, limit: int, after: Place | None
) -> Sequence[SearchedRow]:
    """Return the newest rows of an event, a subject, or the whole log."""
    matches: sa.ColumnElement[Any] = sa.true()
    if query.error is not None:
        matches = ATTEMPTS.c.error.icontains(query.error, autoescape=True)
    statement = (
        sa.select(ATTEMPTS.c.started_at, ATTEMPTS.c.attempt_id, matches)
        .where(*row_conditions(query))
        .order_by(ATTEMPTS.c.started_at.desc(), ATTEMPTS.c.attempt_id.desc())
        .limit(limit)
    )
    if after is not None:
        place = sa.tuple_(ATTEMPTS.c.started_at, ATTEMPTS.c.attempt_id)
        before = sa.tuple_(
            sa.literal(after.started_at, sa.BigInteger), sa.literal(after.attempt_id, Id)
        )
        statement = statement.where(place < before, ATTEMPTS.c.started_at <= after.started_at)
    found = connection.execute(statement)
    return [SearchedRow(Place(at, one), bool(matches)) for at, one, matches in found]


def _is_foreign(connection: Connection, query: Query) -> bool:
    """Return whether the endpoint belongs to another workspace, so that nothing matches."""
    if query.endpoint_id is None or query.workspace_id is None:
        return False
    owner = sa.select(HEALTH.c.workspace_id).where(HEALTH.c.endpoint_id == query.endpoint_id)
    return connection.execute(owner).scalar() not in {None, query.workspace_id}


def _without_jit(connection: Connection) -> None:
    """Disable Postgres's JIT compiler, which would take longer than the statements."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SET LOCAL jit = off")


def scope_of(query: Query) -> str:
    """Return the narrowest scope of a query."""
    return query.endpoint_id or query.workspace_id or EVERYTHING


def _batches(connection: Connection, query: Query, after: Place | None) -> Iterator[Sequence[Span]]:
    """Yield spans of whole days, newest first, in batches for one statement."""
    some: list[Span] = []
    enough = 1  # the newest day alone fills most pages
    for spans in _days(connection, query, after):
        if some and len(some) + len(spans) > enough:
            yield some
            some = []
            enough = min(_MOST_SPANS, enough * 8)
        some += spans
    if some:
        yield some


def _days(connection: Connection, query: Query, after: Place | None) -> Iterator[list[Span]]:
    """Yield the spans of each day, newest first."""
    since_ms = query.since_ms or 0
    until_ms = _END_MS if query.until_ms is None else query.until_ms
    if after is not None:
        until_ms = min(until_ms, after.started_at + 1)
    statement = (
        sa.select(LOG_DAYS.c.day, LOG_DAYS.c.kind)
        .where(
            LOG_DAYS.c.scope == scope_of(query),
            LOG_DAYS.c.day >= since_ms // DAY_MS,
            LOG_DAYS.c.day <= min((until_ms - 1) // DAY_MS, 2**31 - 1),
        )
        .order_by(LOG_DAYS.c.day.desc())
    )
    if filters_kind(query):
        statement = statement.where(LOG_DAYS.c.kind.in_(_kinds(query)))
    pairs = connection.execute(statement).all()
    for day, group in groupby(pairs, key=lambda pair: int(pair[0])):
        low, high = max(since_ms, day * DAY_MS), min(until_ms, (day + 1) * DAY_MS)
        yield [Span(kind, low, high) for _, kind in group]


def _kinds(query: Query) -> sa.Select[tuple[int]]:
    wanted: dict[str, object] = {
        "event_type": query.event_type,
        "outcome": query.outcome,
        "reason": query.reason,
    }
    conditions = [LOG_KINDS.c[name] == value for name, value in wanted.items() if value is not None]
    if query.status is not None:
        conditions.append(LOG_KINDS.c.status.between(*query.status))
    if query.outcomes is not None:
        conditions.append(LOG_KINDS.c.outcome.in_(query.outcomes))
    if query.error is not None:
        conditions.append(LOG_KINDS.c.outcome != "delivered")
    return sa.select(LOG_KINDS.c.kind).where(*conditions)


def _newest(
    connection: Connection, query: Query, spans: Sequence[Span], limit: int, after: Place | None
) -> Sequence[SearchedRow]:
    """Return the newest rows of some spans."""
    native = connection.dialect.name == "postgresql"
    last = after or Place(_END_MS, "ffffffff-ffff-ffff-ffff-ffffffffffff")
    bound = Id().process_bind_param(last.attempt_id, connection.dialect)
    given: dict[str, Any] = {
        **_scope_values(query),
        **_span_values(connection, spans),
        "n": limit,
        "last_at": last.started_at,
        "last_id": bound,
    }
    wanted: Wanted = "places"
    if query.error is not None:
        wanted, given["error"] = "errors", f"%{_escaped(query.error)}%"
    found = connection.execute(_statement(connection, query, wanted), given)
    id_of = str if native else lambda packed: Id().process_result_value(packed, connection.dialect)
    return [SearchedRow(Place(at, str(id_of(one))), bool(matches)) for at, one, matches in found]


def _escaped(text: str) -> str:
    """Return a text as a part of a pattern."""
    return text.replace("/", "//").replace("%", "/%").replace("_", "/_")


def _scope_values(query: Query) -> dict[str, Any]:
    return {
        name: value
        for name, value in (("endpoint", query.endpoint_id), ("workspace", query.workspace_id))
        if value is not None
    }


def _span_values(connection: Connection, spans: Sequence[Span]) -> dict[str, Any]:
    if connection.dialect.name == "postgresql":
        return {
            "kinds": [each.kind for each in spans],
            "lows": [each.low_ms for each in spans],
            "highs": [each.high_ms for each in spans],
        }
    return {"spans": json.dumps([[each.kind, each.low_ms, each.high_ms] for each in spans])}


def _statement(connection: Connection, query: Query, wanted: Wanted) -> sa.TextClause:
    scope: Scope = ""
    if query.endpoint_id is not None:
        scope = "both" if query.workspace_id is not None else "endpoint"
    elif query.workspace_id is not None:
        scope = "workspace"
    return span_statement(connection.dialect.name, scope, wanted)
