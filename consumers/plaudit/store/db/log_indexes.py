"""Indexes of the delivery log in Postgres, built one day at a time without blocking writers.

`CREATE INDEX` on a partitioned table blocks writes until every partition is done, which takes
minutes for a large log. So the migration declares the indexes on the table alone, and this module
builds each day's index with CONCURRENTLY, outside of a transaction. It is idempotent: the next
`plaudit db migrate` continues an interrupted build.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy.engine import Connection, Engine

REPLACED: Final = ("attempts_age", "attempts_endpoint", "attempts_workspace")
"""Indexes of earlier releases, dropped when their replacements are complete."""

_DECLARED: Final = (
    "SELECT c.relname, pg_get_indexdef(i.indexrelid) FROM pg_index i "
    "JOIN pg_class c ON c.oid = i.indexrelid "
    "WHERE i.indrelid = 'attempts'::regclass AND NOT i.indisvalid ORDER BY 1"
)
_DAYS: Final = (
    "SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid "
    "WHERE i.inhparent = 'attempts'::regclass ORDER BY 1 DESC"
)
_ATTACHED: Final = (
    "SELECT d.relname FROM pg_inherits h "
    "JOIN pg_index i ON i.indexrelid = h.inhrelid JOIN pg_class d ON d.oid = i.indrelid "
    "WHERE h.inhparent = '{name}'::regclass"
)
_BROKEN: Final = (
    "SELECT c.relname FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid "
    "JOIN pg_inherits h ON h.inhrelid = i.indrelid "
    "WHERE h.inhparent = 'attempts'::regclass AND NOT i.indisvalid"
)


def build_indexes(engine: Engine) -> None:
    """Build the missing parts of the declared indexes, then drop the indexes that they replace.

    Raises:
        SQLAlchemyError: incomplete; the next call continues.
    """
    if engine.dialect.name != "postgresql":
        return
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        # An interrupted CONCURRENTLY leaves an invalid index.
        for name in _names(connection, _BROKEN):
            connection.exec_driver_sql(f"DROP INDEX IF EXISTS {name}")
        for name, definition in connection.exec_driver_sql(_DECLARED).all():
            _complete(connection, name, definition)
        for name in REPLACED:
            connection.exec_driver_sql(f"DROP INDEX IF EXISTS {name}")


def _complete(connection: Connection, name: str, definition: str) -> None:
    """Build one index on every day without it; attaching the last one makes the index valid."""
    what = definition[definition.index(" USING ") :]
    attached = _names(connection, _ATTACHED.format(name=name))
    for day in _names(connection, _DAYS):
        if day in attached:
            continue
        own = f"{day}_{name.removeprefix('attempts_')}"
        connection.exec_driver_sql(f"CREATE INDEX CONCURRENTLY IF NOT EXISTS {own} ON {day}{what}")
        connection.exec_driver_sql(f"ALTER INDEX {name} ATTACH PARTITION {own}")


def _names(connection: Connection, query: str) -> list[str]:
    return [str(row[0]) for row in connection.exec_driver_sql(query)]
