"""Outbox table: its name, and its definition in Postgres and SQLite."""

from __future__ import annotations

import re
from typing import Final, Literal

Dialect = Literal["postgresql", "sqlite"]

TABLE: Final = "plaudit_outbox"
COLUMNS: Final = ("topic", "key", "value", "headers")
"""Columns of an insert. `topic` has no prefix, which only the relay knows."""

# With or without a schema; in lower case, as unquoted names are.
_NAME: Final = re.compile(r"(?:[a-z_][a-z0-9_]{0,62}\.)?[a-z_][a-z0-9_]{0,50}")

_POSTGRES: Final = """\
CREATE TABLE IF NOT EXISTS {table} (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    topic text NOT NULL,
    key text NOT NULL,
    value bytea NOT NULL,
    headers text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    refusal text
);
CREATE INDEX IF NOT EXISTS {bare}_waiting ON {table} (number) WHERE refusal IS NULL;
"""
_NOTIFY: Final = """\
CREATE OR REPLACE FUNCTION {table}_notify() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('{channel}', '');
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER {bare}_notify AFTER INSERT ON {table}
    FOR EACH STATEMENT EXECUTE FUNCTION {table}_notify();
"""
_SQLITE: Final = """\
CREATE TABLE IF NOT EXISTS {table} (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    topic TEXT NOT NULL,
    key TEXT NOT NULL,
    value BLOB NOT NULL,
    headers TEXT NOT NULL,
    created_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
    refusal TEXT
);
CREATE INDEX IF NOT EXISTS {table}_waiting ON {table} (number) WHERE refusal IS NULL;
"""


class TableNameRefused(ValueError):
    """The name is not valid for a table.

    Attributes:
        name: the given name.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(
            f"{name!r} is not a valid name for the outbox's table: lower-case letters, digits and "
            "underscores, at most 51, after a schema's name and a dot if you like"
        )


def checked(table: str) -> str:
    """Validate a table's name, which is inserted into statements unquoted.

    Raises:
        TableNameRefused: the name is not valid.
    """
    if _NAME.fullmatch(table) is None:
        raise TableNameRefused(table)
    return table


def ddl(dialect: Dialect, table: str = TABLE, *, notify: bool = True) -> str:
    """Return the statements that create the table; idempotent.

    Args:
        dialect: database of the table.
        table: its name; in Postgres with or without a schema.
        notify: Postgres only: wake the relay with each insert. Each commit then takes a lock that
            all channels share. Without it, the relay polls every second.

    Raises:
        TableNameRefused: the name is not valid.
    """
    name = checked(table)
    bare = name.rpartition(".")[2]
    if dialect == "sqlite":
        return _SQLITE.format(table=bare)
    made = _POSTGRES.format(table=name, bare=bare)
    return made + _NOTIFY.format(table=name, bare=bare, channel=channel(name)) if notify else made


def channel(table: str) -> str:
    """Return the channel on which Postgres notifies of new rows."""
    return table.replace(".", "_")
