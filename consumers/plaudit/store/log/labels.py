"""Backfill of kinds for rows of earlier releases, in small transactions."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from plaudit.store.db.database import reading, translated
from plaudit.store.db.tables import ATTEMPTS
from plaudit.store.log.kinds import SeenKinds, kind_number, write_kinds
from plaudit.store.log.search import has_old_rows, is_unlabeled

AT_ONCE: Final = 5_000
"""Rows per transaction; it blocks SQLite's other writers for about 100 ms."""


def label_rows(engine: Engine, limit: int = AT_ONCE) -> int:
    """Set the kinds of some rows of earlier releases; return their number.

    Until all rows have a kind, searches do not use kinds, and are slow.

    Raises:
        DatabaseFailure: the database is unavailable; the next run continues.
    """
    with reading(engine) as connection:
        if not has_old_rows(connection):
            return 0
    names = ("workspace_id", "endpoint_id", "started_at")
    kind = ("event_type", "outcome", "status", "reason")
    columns = [ATTEMPTS.c[name] for name in (*names, *kind, "attempt_id")]
    with translated(), engine.begin() as connection:
        rows = connection.execute(sa.select(*columns).where(*is_unlabeled()).limit(limit)).all()
        numbers = [kind_number(tuple(row[3:7])) for row in rows]
        connection.execute(
            ATTEMPTS.update()
            .where(
                ATTEMPTS.c.attempt_id == sa.bindparam("its_id"),
                ATTEMPTS.c.started_at == sa.bindparam("its_start"),
            )
            .values(kind=sa.bindparam("its_kind")),
            [
                {"its_id": row.attempt_id, "its_start": row.started_at, "its_kind": number}
                for row, number in zip(rows, numbers, strict=True)
            ],
        )
        noted = [
            (*row[:3], number, tuple(row[3:7])) for row, number in zip(rows, numbers, strict=True)
        ]
        write_kinds(connection, noted, SeenKinds())
    return len(rows)
