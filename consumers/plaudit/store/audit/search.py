"""Pages of the audit log, newest first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from plaudit.records.times import time_text
from plaudit.store.db.database import reading
from plaudit.store.db.tables import AUDIT

AUDIT_PAGE: Final = 50
_EXPORTED_AT_ONCE: Final = 1_000


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One change; `at` in epoch milliseconds."""

    number: int
    at: int
    workspace_id: str | None
    actor_kind: str
    actor_id: str
    address: str
    action: str
    target: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    actor_name: str | None = None

    def plain(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {
            "id": str(self.number),
            "at": time_text(self.at),
            "workspace_id": self.workspace_id,
            "actor": {
                "kind": self.actor_kind,
                "id": self.actor_id,
                "name": self.actor_name,
                "address": self.address,
            },
            "action": self.action,
            "target": self.target,
            "before": self.before,
            "after": self.after,
        }


@dataclass(frozen=True, slots=True)
class AuditQuery:
    """Conditions for entries; None means any.

    Attributes:
        since_ms: earliest time, inclusive; epoch milliseconds.
        until_ms: latest time, exclusive.
    """

    workspace_id: str | None = None
    actor_id: str | None = None
    action: str | None = None
    target: str | None = None
    since_ms: int | None = None
    until_ms: int | None = None


@dataclass(frozen=True, slots=True)
class AuditPage:
    """Entries, newest first; `cursor` is the start of the next page, None on the last one."""

    entries: Sequence[AuditEntry]
    cursor: int | None


def find_entries(
    connection: Connection, query: AuditQuery, *, limit: int = AUDIT_PAGE, cursor: int | None = None
) -> AuditPage:
    """Return a page of the audit log."""
    statement = (
        sa.select(AUDIT).where(*_conditions(query)).order_by(AUDIT.c.number.desc()).limit(limit + 1)
    )
    if cursor is not None:
        statement = statement.where(AUDIT.c.number < cursor)
    found = [AuditEntry(**row) for row in connection.execute(statement).mappings()]
    return AuditPage(found[:limit], found[limit - 1].number if len(found) > limit else None)


def export_entries(engine: Engine, query: AuditQuery) -> Iterator[AuditEntry]:
    """Yield every matching entry, newest first, in several short transactions.

    Raises:
        DatabaseFailure: the database is unavailable.
    """
    cursor: int | None = None
    while True:
        with reading(engine) as connection:
            page = find_entries(connection, query, limit=_EXPORTED_AT_ONCE, cursor=cursor)
        yield from page.entries
        cursor = page.cursor
        if cursor is None:
            return


def newest_number(connection: Connection) -> int:
    """Return the number of the newest entry; 0 if the log is empty."""
    return connection.execute(sa.select(sa.func.max(AUDIT.c.number))).scalar() or 0


def changed_endpoints(connection: Connection, after: int) -> Sequence[str]:
    """Return the ids of the endpoints with an entry after a number."""
    query = sa.select(AUDIT.c.target).where(
        AUDIT.c.number > after, AUDIT.c.action.startswith("endpoint.")
    )
    return connection.execute(query.distinct()).scalars().all()


def _conditions(query: AuditQuery) -> list[sa.ColumnElement[bool]]:
    wanted = {
        "workspace_id": query.workspace_id,
        "actor_id": query.actor_id,
        "action": query.action,
        "target": query.target,
    }
    conditions = [AUDIT.c[name] == value for name, value in wanted.items() if value is not None]
    if query.since_ms is not None:
        conditions.append(AUDIT.c.at >= query.since_ms)
    if query.until_ms is not None:
        conditions.append(AUDIT.c.at < query.until_ms)
    return conditions
