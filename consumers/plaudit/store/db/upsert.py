"""Upserts: one interface to the insert of either database."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

if TYPE_CHECKING:
    from sqlalchemy.dialects import postgresql, sqlite
    from sqlalchemy.engine import Connection


def insert_into(connection: Connection, table: sa.Table) -> postgresql.Insert | sqlite.Insert:
    """Return an insert that supports `on_conflict_…`."""
    # SQLAlchemy has loaded the dialect in use; importing the other one takes time.
    if connection.dialect.name == "postgresql":
        from sqlalchemy.dialects import postgresql  # noqa: PLC0415 - takes long, is seldom needed

        return postgresql.insert(table)
    from sqlalchemy.dialects import sqlite  # noqa: PLC0415 - takes long, is seldom needed

    return sqlite.insert(table)


def insert_missing(connection: Connection, table: sa.Table, rows: list[dict[str, Any]]) -> None:
    """Insert rows that are missing; the others stay as they are."""
    if not rows:
        return
    ordered = sorted(rows, key=lambda row: tuple(row[key.name] for key in table.primary_key))
    connection.execute(insert_into(connection, table).on_conflict_do_nothing(), ordered)


def update_rows(connection: Connection, table: sa.Table, rows: list[dict[str, Any]]) -> None:
    """Replace rows as a whole, by their primary key."""
    if not rows:
        return
    keys = {column.name for column in table.primary_key}
    bound = [table.c[key] == sa.bindparam(f"its_{key}") for key in sorted(keys)]
    values: dict[str, Any] = {
        column.name: sa.bindparam(column.name) for column in table.c if column.name not in keys
    }
    renamed = [
        {f"its_{name}" if name in keys else name: value for name, value in row.items()}
        for row in rows
    ]
    connection.execute(table.update().where(*bound).values(values), renamed)
