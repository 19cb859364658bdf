"""SQL of the search: the newest rows of each span, or their number.

Each span takes its own descent into an index: in Postgres with LATERAL, in SQLite, which lacks it,
with a correlated subquery of row numbers.
"""

from __future__ import annotations

from functools import cache
from typing import Final, Literal

import sqlalchemy as sa

Wanted = Literal["places", "errors", "count"]
Scope = Literal["", "workspace", "endpoint", "both"]

_SCOPES: Final[dict[Scope, str]] = {
    "": "",
    "workspace": "a.workspace_id = :workspace AND ",
    "endpoint": "a.endpoint_id = :endpoint AND ",
    "both": "a.endpoint_id = :endpoint AND a.workspace_id || '' = :workspace AND ",
}
_INDEXES: Final[dict[Scope, str]] = {
    "": "attempts_kind",
    "workspace": "attempts_workspace_kind",
    "endpoint": "attempts_endpoint_kind",
    "both": "attempts_endpoint_kind",
}
"""Otherwise, SQLite's planner takes the index of all workspaces and reads rows of others."""
MATCHES: Final = "lower(x.error) LIKE lower(:error) ESCAPE '/'"
"""Whether an error has a text, which is given as a pattern."""
_NEWEST: Final = "ORDER BY a.started_at DESC, a.attempt_id DESC LIMIT :n"
_AFTER: Final = {
    "postgresql": "AND (a.started_at, a.attempt_id) < (:last_at, CAST(:last_id AS uuid)) ",
    "sqlite": "AND (a.started_at, a.attempt_id) < (:last_at, :last_id) ",
}

_POSTGRES: Final = (
    "FROM unnest(CAST(:kinds AS bigint[]), CAST(:lows AS bigint[]), CAST(:highs AS bigint[])) "
    "AS span(kind, low, high) CROSS JOIN LATERAL ("
    "SELECT a.started_at, a.attempt_id{error} FROM attempts a WHERE {scope}a.kind = span.kind "
    "AND NOT a.followed AND a.started_at >= span.low AND a.started_at < span.high {after}{end}) x"
)
_SQLITE: Final = (
    "FROM json_each(:spans) span CROSS JOIN attempts x ON x.rowid IN ("
    "SELECT a.rowid FROM attempts a INDEXED BY {index} "
    "WHERE {scope}a.kind = json_extract(span.value, '$[0]') "
    "AND NOT a.followed AND a.started_at >= json_extract(span.value, '$[1]') "
    "AND a.started_at < json_extract(span.value, '$[2]') {after}{end})"
)
_SQLITE_COUNT: Final = (
    "SELECT min(:n, coalesce(sum((SELECT count(*) FROM ("
    "SELECT 1 FROM attempts a INDEXED BY {index} "
    "WHERE {scope}a.kind = json_extract(span.value, '$[0]') "
    "AND NOT a.followed AND a.started_at >= json_extract(span.value, '$[1]') "
    "AND a.started_at < json_extract(span.value, '$[2]') LIMIT :n))), 0)) "
    "FROM json_each(:spans) span"
)
"""Counts in the index alone, without reading rows."""


@cache
def span_statement(dialect: str, scope: Scope, wanted: Wanted) -> sa.TextClause:
    """Return the statement for the spans of a scope; an empty scope is the whole log.

    `errors` are places, with whether the error of each has a text.
    """
    source = _POSTGRES if dialect == "postgresql" else _SQLITE
    error = ", a.error" if wanted == "errors" else ""
    given = {"scope": _SCOPES[scope], "index": _INDEXES[scope], "error": error}
    if wanted == "count" and dialect == "sqlite":
        return sa.text(_SQLITE_COUNT.format(**given))
    if wanted == "count":
        rows = source.format(**given, after="", end="LIMIT :n")
        return sa.text(f"SELECT count(*) FROM (SELECT 1 {rows} LIMIT :n) counted")  # noqa: S608 - texts of ours
    rows = source.format(**given, after=_AFTER[dialect], end=_NEWEST)
    order = "ORDER BY x.started_at DESC, x.attempt_id DESC LIMIT :n"
    matches = MATCHES if wanted == "errors" else "true"
    return sa.text(f"SELECT x.started_at, x.attempt_id, {matches} {rows} {order}")
