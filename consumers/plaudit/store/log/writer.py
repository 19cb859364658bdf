"""Writer of the delivery log: batches of attempts, each stored once.

`attempt_id` identifies an attempt. In SQLite, the writer inserts rows one at a time within a
transaction. In Postgres, it copies them into a temporary table, and inserts new ones from there.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import Any, Final

import orjson
import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError

from plaudit.store.db.partitions import ensure_days
from plaudit.store.db.tables import ATTEMPTS, Id
from plaudit.store.log.kinds import SeenKinds, kind_number, write_kinds

COLUMNS: Final = tuple(column.name for column in ATTEMPTS.columns if column.name != "followed")
_RECORDED: Final = COLUMNS[: COLUMNS.index("kind")]
"""The columns that a record of the attempts topic has."""
_PLACE: Final = {name: place for place, name in enumerate(COLUMNS)}
_ID: Final = _PLACE["attempt_id"]
_NUMBER: Final = _PLACE["number"]
_TRIGGER: Final = _PLACE["trigger"]
_scope_of: Final = itemgetter(
    *(_PLACE[name] for name in ("workspace_id", "endpoint_id", "started_at"))
)
_STARTED: Final = _PLACE["started_at"]
LONGEST_TEXT: Final = 4_096
"""Maximum characters of a stored text."""
LONGEST_KEY: Final = 400
"""Maximum characters of an indexed text; Postgres accepts 2,704 bytes."""

_in_order: Final = itemgetter(*_RECORDED)
_kind_of: Final = itemgetter(
    *(_PLACE[name] for name in ("event_type", "outcome", "status", "reason"))
)

Row = tuple[Any, ...]
"""An attempt, in the order of COLUMNS, with ids in the database's format."""
_ID_BYTES: Final = 16


class AttemptRows:
    """Converts decoded attempts into rows of one kind of database.

    Args:
        dialect: SQLAlchemy's name of the database.
    """

    def __init__(self, dialect: str) -> None:
        native = dialect == "postgresql"
        an_id: Callable[[str], Any] = _canonical if native else _packed
        self._convert: tuple[tuple[int, Callable[[Any], Any]], ...] = tuple(
            (place, an_id if isinstance(column.type, Id) else _cleaner(column.name))
            for place, column in enumerate(ATTEMPTS.columns)
            if isinstance(column.type, Id | sa.Text)
        )

    def row(self, attempt: dict[str, Any]) -> Row:
        """Return the row of a decoded `DeliveryAttempt`.

        Raises:
            ValueError: an id is not a UUID.
        """
        headers = attempt["answer_headers"]
        if headers is not None:
            attempt["answer_headers"] = orjson.dumps(headers).decode()
        values = list(_in_order(attempt))
        for place, convert in self._convert:
            value = values[place]
            if value is not None:
                values[place] = convert(value)
        values.append(kind_number(_kind_of(values)))
        return tuple(values)


def insert_new(
    connection: Connection, rows: Sequence[Row], seen: SeenKinds | None = None
) -> list[Row]:
    """Write the attempts that the log lacks; return them in order.

    Args:
        connection: transaction.
        rows: the attempts.
        seen: cache of written kinds; clear it when the transaction fails.

    Raises:
        SQLAlchemyError: nothing was written.
    """
    once = list({row[_ID]: row for row in rows}.values())
    if not once:
        return []
    noted = [(*_scope_of(row), row[-1], _kind_of(row)) for row in once]
    write_kinds(connection, noted, seen or SeenKinds())
    if connection.dialect.name == "postgresql":
        ensure_days(connection, {row[_STARTED] for row in once})
        known = _copy(connection, once)
    else:
        known = _insert(connection, once)
    return once if not known else [row for row in once if row[_ID] not in known]


def _is_repeated(row: Row) -> bool:
    """Return whether an earlier attempt of the delivery may exist that was not a diversion."""
    return bool(row[_NUMBER] > 1 or row[_TRIGGER] != "event")


def _insert(connection: Connection, rows: list[Row]) -> set[Any]:
    """Insert the rows that SQLite lacks; return the ids of those that it had."""
    # Other writers wait until this transaction ends: new rows have higher numbers than old ones.
    before = connection.exec_driver_sql("SELECT max(rowid) FROM attempts").scalar() or 0
    count = connection.exec_driver_sql(_INSERT, rows).rowcount
    connection.exec_driver_sql(_FOLLOW, (before,))
    if count == len(rows):
        return set()
    # Rows that existed, after a crash between a transaction and the commit of its offsets.
    added = connection.exec_driver_sql(_ADDED, (before,))
    return {row[_ID] for row in rows} - {found[0] for found in added}


def _copy(connection: Connection, rows: list[Row]) -> set[Any]:
    """Insert the rows that Postgres lacks; return the ids of those that it had."""
    connection.exec_driver_sql(_STAGE)
    driver: Any = connection.connection.driver_connection
    dbapi = connection.dialect.loaded_dbapi
    try:
        with driver.cursor() as cursor:
            with cursor.copy(_COPY) as copy:
                copy.write("".join(map(_line, rows)))
            cursor.execute(_TAKE)
            taken = {str(each[0]) for each in cursor.fetchall()}
            cursor.execute(_DIVERTED, (min(row[_STARTED] for row in rows) - _RETRIED_WITHIN_MS,))
            diverted = cursor.fetchone() is not None
            if diverted or any(map(_is_repeated, rows)):
                # The estimated cost triggers the JIT compiler, which takes longer than the query.
                cursor.execute("SET LOCAL jit = off")
                cursor.execute(_PAST, (diverted,))
                past = cursor.fetchall()
                if past:
                    cursor.executemany(_FOLLOW_ONE, past)
            return {row[_ID] for row in rows} - taken
    except dbapi.Error as error:
        # Translate errors that bypass SQLAlchemy.
        raise DBAPIError.instance(_COPY, None, error, dbapi.Error) from error


_LISTED: Final = ", ".join(COLUMNS)
_INSERT: Final = (
    f"INSERT OR IGNORE INTO attempts ({_LISTED}) VALUES ({', '.join('?' * len(COLUMNS))})"  # noqa: S608 - column names of ours
)
_ADDED: Final = "SELECT attempt_id FROM attempts WHERE rowid > ?"
_FOLLOW: Final = (
    "UPDATE attempts SET followed = 1 WHERE rowid IN ("
    "SELECT past.rowid FROM attempts latest CROSS JOIN attempts past WHERE latest.rowid > ? "
    "AND past.delivery_id = latest.delivery_id AND NOT past.followed "
    "AND (past.started_at, past.attempt_id) < (latest.started_at, latest.attempt_id))"
)
_STAGE: Final = (
    "CREATE TEMPORARY TABLE IF NOT EXISTS staged (LIKE attempts INCLUDING DEFAULTS) "
    "ON COMMIT DELETE ROWS"
)
_COPY: Final = f"COPY staged ({_LISTED}) FROM STDIN"
_TAKE: Final = (
    f"INSERT INTO attempts ({_LISTED}) SELECT {_LISTED} FROM staged "  # noqa: S608 - the same
    "ON CONFLICT DO NOTHING RETURNING attempt_id"
)
_RETRIED_WITHIN_MS: Final = 26 * 3_600_000
"""The longest tier is 24 h. Only rows of a manual retry, redrive or replay follow older ones.

The bound avoids reads of earlier days. Lists recognize rows that come even later.
"""
_DIVERTED: Final = (
    "SELECT 1 FROM log_kinds k CROSS JOIN LATERAL (SELECT 1 FROM attempts a WHERE a.kind = k.kind "
    "AND NOT a.followed AND a.started_at >= %s LIMIT 1) x WHERE k.outcome = 'diverted' LIMIT 1"
)
"""Whether a diverted delivery is pending: only its row may precede a first attempt."""
_PAST: Final = (
    "SELECT past.attempt_id, past.started_at FROM staged latest CROSS JOIN LATERAL ("  # noqa: S608 - ours
    "SELECT a.attempt_id, a.started_at FROM attempts a "
    "WHERE a.delivery_id = latest.delivery_id AND a.followed IS NOT TRUE "
    "AND a.started_at >= CASE WHEN latest.trigger IN ('manual', 'redrive', 'replay') THEN 0 "
    f"ELSE latest.started_at - {_RETRIED_WITHIN_MS} END "
    "AND (a.started_at, a.attempt_id) < (latest.started_at, latest.attempt_id) OFFSET 0) past "
    "WHERE %s OR latest.number > 1 OR latest.trigger <> 'event'"
)
_FOLLOW_ONE: Final = "UPDATE attempts SET followed = true WHERE attempt_id = %s AND started_at = %s"

_is_uuid: Final = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}").fullmatch
_special: Final = re.compile(r"[\\\t\n\r]").search
_ESCAPES: Final = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


def _canonical(text: str) -> str:
    """Return an id in the format of Postgres.

    Raises:
        ValueError: the text is not a UUID.
    """
    if _is_uuid(text) is None:
        msg = f"{text[:40]!r} is not a UUID"
        raise ValueError(msg)
    return text.lower()


def _packed(text: str) -> bytes:
    """Return an id in the format of SQLite.

    Raises:
        ValueError: the text is not a UUID.
    """
    packed = bytes.fromhex(text.replace("-", ""))
    if len(packed) != _ID_BYTES:
        msg = f"{text[:40]!r} is not a UUID"
        raise ValueError(msg)
    return packed


_KEYS: Final = {column.name for index in ATTEMPTS.indexes for column in index.columns}


def _cleaner(name: str) -> Callable[[str], str]:
    """Return a function that cleans a column's text: Postgres does not accept NUL."""
    longest = LONGEST_KEY if name in _KEYS else LONGEST_TEXT

    def clean(text: str) -> str:
        if len(text) > longest:
            text = text[:longest]
        return text.replace("\0", "\ufffd") if "\0" in text else text

    return clean


def _line(row: Row) -> str:
    """Return a row in the text format of COPY."""
    return "\t".join([_field(value) for value in row]) + "\n"


def _field(value: object) -> str:
    if value is None:
        return "\\N"
    if isinstance(value, str):
        return value.translate(_ESCAPES) if _special(value) else value
    if isinstance(value, bytes):
        return "\\\\x" + value.hex()
    return str(value)
