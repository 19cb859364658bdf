"""Upserts: one interface to the insert of either database.

Statements for many rows take them as one parameter, in JSON. A statement a row takes longer, and
Postgres compares each row of a table with each key of a long list.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, TypeAlias

import orjson
import sqlalchemy as sa

if TYPE_CHECKING:
    from sqlalchemy import RowMapping
    from sqlalchemy.dialects import postgresql, sqlite
    from sqlalchemy.engine import Connection


Row: TypeAlias = Mapping[str, Any]
"""Values by column."""


def insert_into(connection: Connection, table: sa.Table) -> postgresql.Insert | sqlite.Insert:
    """Return an insert that supports `on_conflict_…`."""
    # SQLAlchemy has loaded the dialect in use; importing the other one takes time.
    if connection.dialect.name == "postgresql":
        from sqlalchemy.dialects import postgresql  # noqa: PLC0415 - takes long, is seldom needed

        return postgresql.insert(table)
    from sqlalchemy.dialects import sqlite  # noqa: PLC0415 - takes long, is seldom needed

    return sqlite.insert(table)


def insert_missing(connection: Connection, table: sa.Table, rows: Sequence[Row]) -> None:
    """Insert rows that are missing, in the order of their key; the others stay as they are."""
    if rows:
        connection.execute(_insert(connection.dialect.name, table), _given(rows))


def update_rows(connection: Connection, table: sa.Table, rows: Sequence[Row]) -> None:
    """Replace rows as a whole, by their primary key."""
    if rows:
        connection.execute(_update(connection.dialect.name, table), _given(rows))


def locked_rows(connection: Connection, table: sa.Table, keys: Sequence[Row]) -> list[RowMapping]:
    """Lock the rows with these keys and return them, always in the order of the key.

    So two transactions that lock rows of one table never deadlock.
    """
    if not keys:
        return []
    found = connection.execute(_locked(connection.dialect.name, table), _given(keys))
    return list(found.mappings())


def _given(rows: Sequence[Row]) -> dict[str, str]:
    # The name of a column may be a subclass of `str`.
    return {"rows": orjson.dumps(rows, option=orjson.OPT_NON_STR_KEYS).decode()}


@cache
def _insert(dialect: str, table: sa.Table) -> sa.TextClause:
    names, key = ", ".join(_names(table.columns)), ", ".join(_names(table.primary_key))
    rows = _source(dialect, table, _names(table.columns))
    # Without WHERE, SQLite reads ON as the condition of a join.
    return sa.text(
        f"INSERT INTO {table.name} ({names}) SELECT {names} FROM {rows} WHERE true "  # noqa: S608 - names of ours
        f"ORDER BY {key} ON CONFLICT DO NOTHING"
    )


@cache
def _update(dialect: str, table: sa.Table) -> sa.TextClause:
    rows, key = _source(dialect, table, _names(table.columns)), _names(table.primary_key)
    others = [name for name in _names(table.columns) if name not in key]
    changes = ", ".join(f"{name} = given.{name}" for name in others)
    same = " AND ".join(f"{table.name}.{name} = given.{name}" for name in key)
    return sa.text(f"UPDATE {table.name} SET {changes} FROM {rows} WHERE {same}")  # noqa: S608 - likewise


@cache
def _locked(dialect: str, table: sa.Table) -> sa.TextualSelect:
    key = ", ".join(_names(table.primary_key))
    rows = _source(dialect, table, _names(table.primary_key))
    lock = " FOR UPDATE" if dialect == "postgresql" else ""
    text = sa.text(
        f"SELECT {', '.join(_names(table.columns))} FROM {table.name} "  # noqa: S608 - likewise
        f"WHERE ({key}) IN (SELECT {key} FROM {rows}) ORDER BY {key}{lock}"
    )
    return text.columns(*table.columns)


def _names(columns: Iterable[sa.Column[Any]]) -> list[str]:
    return [column.name for column in columns]


def _source(dialect: str, table: sa.Table, names: Sequence[str]) -> str:
    """Return the rows of the parameter as a table, with columns of the types of another table."""
    if dialect == "postgresql":
        return f"json_populate_recordset(CAST(NULL AS {table.name}), CAST(:rows AS json)) given"
    values = ", ".join(f"json_extract(value, '$.{name}') AS {name}" for name in names)
    return f"(SELECT {values} FROM json_each(:rows)) given"  # noqa: S608 - likewise
