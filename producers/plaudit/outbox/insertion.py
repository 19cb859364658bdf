"""Insertion of an event into the outbox, in the caller's own transaction.

No database driver is imported: the connection's class identifies the driver.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from plaudit.events.models.event import EventModel
from plaudit.outbox.table import COLUMNS, TABLE, checked
from plaudit.publish.prepare import DEFAULT_SOURCE, checked_source, prepare
from plaudit.publish.trace import trace_of
from plaudit.records.names import Names

_UNPREFIXED: Final = Names("")
_MARKS: Final = {"qmark": "?", "format": "%s", "pyformat": "%s"}


class NotEnqueued(ValueError):
    """The event was not written.

    NotEnqueued
    ├── UnknownConnection     the connection's driver is not supported
    └── OutsideTransaction    the event would be committed independently of the data
    """


class UnknownConnection(NotEnqueued, TypeError):
    """The connection's driver is not supported."""

    def __init__(self, connection: object, wanted: str) -> None:
        kind = type(connection)
        super().__init__(f"{kind.__module__}.{kind.__qualname__} is not one of {wanted}")


class OutsideTransaction(NotEnqueued):
    """The connection commits each statement: event and data would not be atomic."""

    def __init__(self, how: str) -> None:
        super().__init__(
            f"the connection is in autocommit and outside of a transaction; begin one: {how}"
        )


def enqueue(
    connection: object,
    event: EventModel,
    *,
    source: str = DEFAULT_SOURCE,
    traceparent: str | None = None,
    table: str = TABLE,
) -> None:
    """Write an event into the outbox; it is published if and when the transaction commits.

    Args:
        connection: connection of psycopg, sqlite3, SQLAlchemy (`Connection`, `Session`) or Django
            (`django.db.connection`), in the transaction that changes the data.
        event: the event; `meta.event_id` stays the same however often it is relayed.
        source: name of this service, as a URI reference (`ce_source`).
        traceparent: W3C trace context; the default is OpenTelemetry's current span.
        table: the outbox's name.

    Raises:
        UnknownConnection: the connection's driver is not supported.
        OutsideTransaction: the event would be committed independently.
        PublishRefused: the event is too large, or an argument is invalid.
        TableNameRefused: `table` is not a valid name.
    """
    write = _writer(connection)
    write(checked(table), row_of(event, source, traceparent))


async def enqueue_async(
    connection: object,
    event: EventModel,
    *,
    source: str = DEFAULT_SOURCE,
    traceparent: str | None = None,
    table: str = TABLE,
) -> None:
    """Write an event into the outbox as `enqueue` does, over an asyncio connection.

    Args:
        connection: `psycopg.AsyncConnection`, or SQLAlchemy's `AsyncConnection` or `AsyncSession`.
        event: see `enqueue`.
        source: see `enqueue`.
        traceparent: see `enqueue`.
        table: see `enqueue`.

    Raises:
        NotEnqueued: see `enqueue`.
        PublishRefused: see `enqueue`.
        TableNameRefused: see `enqueue`.
    """
    name, row = checked(table), row_of(event, source, traceparent)
    asked: Any = connection
    match _root(connection), _class(connection):
        case "psycopg", _:
            _in_psycopg_transaction(asked)
            done: Awaitable[object] = asked.execute(_insert(name, "%s"), row)
        case "sqlalchemy", "AsyncConnection" | "AsyncSession" | "async_scoped_session":
            done = asked.run_sync(lambda sync: _writer(sync)(name, row))
        case _:
            raise UnknownConnection(connection, "psycopg.AsyncConnection, AsyncSession")
    await done


def row_of(
    event: EventModel, source: str = DEFAULT_SOURCE, traceparent: str | None = None
) -> tuple[str, str, bytes, str]:
    """Return the row of an event, in the order of `COLUMNS`; for your own bulk inserts.

    Raises:
        PublishRefused: the event is too large, or an argument is invalid.
    """
    made = prepare(event, _UNPREFIXED, checked_source(source), trace_of(traceparent))
    headers = json.dumps([[name, value.decode()] for name, value in made.headers])
    return made.topic, made.key.decode(), made.value, headers


Write = Callable[[str, Sequence[object]], None]


@dataclass(frozen=True, slots=True)
class _Plain:
    """Writes with the connection's own `execute`, or that of a cursor."""

    execute: Callable[[str, Sequence[object]], object]
    mark: str

    def __call__(self, table: str, row: Sequence[object]) -> None:
        self.execute(_insert(table, self.mark), row)


def _writer(connection: object) -> Write:
    """Return a function that writes a row with this connection.

    Raises:
        NotEnqueued: the connection is not supported, or not in a transaction.
    """
    asked: Any = connection
    match _root(connection):
        case "psycopg" if "Async" not in _class(connection):
            _in_psycopg_transaction(asked)
            return _Plain(asked.execute, "%s")
        case "sqlite3":
            _in_sqlite_transaction(asked)
            return _Plain(asked.execute, "?")
        case "django":
            if not asked.in_atomic_block:
                raise OutsideTransaction("with transaction.atomic(): …")
            return _with_cursor(asked)
        case "sqlalchemy" if hasattr(connection, "exec_driver_sql"):
            return _with_sqlalchemy(asked)
        case "sqlalchemy" if hasattr(connection, "connection") and hasattr(connection, "flush"):
            return _with_sqlalchemy(asked.connection())
        case _:
            known = "psycopg, sqlite3, SQLAlchemy Connection or Session, Django"
            raise UnknownConnection(connection, known)


def _with_cursor(connection: Any) -> Write:  # noqa: ANN401 - a driver's class
    def write(table: str, row: Sequence[object]) -> None:
        with connection.cursor() as cursor:
            cursor.execute(_insert(table, "%s"), row)

    return write


def _with_sqlalchemy(connection: Any) -> Write:  # noqa: ANN401 - not imported here
    if _commits_each_statement(connection):
        raise OutsideTransaction("use an engine and connection without isolation_level=AUTOCOMMIT")
    style = connection.dialect.paramstyle

    def write(table: str, row: Sequence[object]) -> None:
        connection.exec_driver_sql(_insert(table, _MARKS.get(style, style)), tuple(row))

    return write


def _commits_each_statement(connection: Any) -> bool:  # noqa: ANN401 - not imported here
    """Return whether the driver of an SQLAlchemy connection commits each statement.

    The connection's option is not enough: the engine, or its URL, may set the driver's.
    """
    pooled = connection.connection
    if connection.dialect.name == "sqlite":
        return _sqlite_commits(connection, pooled.driver_connection)
    autocommit = getattr(pooled.dbapi_connection, "autocommit", None)
    if isinstance(autocommit, bool):
        return autocommit
    of_mysql = getattr(pooled.dbapi_connection, "get_autocommit", None)
    return bool(of_mysql()) if callable(of_mysql) else False


def _sqlite_commits(connection: Any, driver: Any) -> bool:  # noqa: ANN401 - not imported here
    """Return whether SQLite is outside of a transaction that the driver would not begin."""
    if _begins_itself(driver) or driver.in_transaction:
        return False
    # An application may begin transactions in SQLAlchemy's event `begin`, which comes now.
    connection.exec_driver_sql("SELECT 1")
    return not driver.in_transaction


def _in_psycopg_transaction(connection: Any) -> None:  # noqa: ANN401 - not imported here
    _require(connection, "autocommit")
    if connection.autocommit and connection.info.transaction_status == 0:  # idle
        raise OutsideTransaction("with connection.transaction(): …")


def _in_sqlite_transaction(connection: Any) -> None:  # noqa: ANN401 - as of Python 3.12
    _require(connection, "isolation_level")
    if not connection.in_transaction and not _begins_itself(connection):
        raise OutsideTransaction('connection.execute("BEGIN")')


def _begins_itself(connection: Any) -> bool:  # noqa: ANN401 - as of Python 3.12
    """Return whether sqlite3 begins a transaction before the insert.

    It does with an isolation level, or with autocommit=False.
    """
    mode = getattr(connection, "autocommit", -1)  # -1: as the isolation level specifies
    return connection.isolation_level is not None if mode == -1 else mode is False


def _require(connection: object, attribute: str) -> None:
    """Check that an object of a driver is a connection, and not a cursor.

    Raises:
        UnknownConnection: it is not.
    """
    if not hasattr(connection, attribute):
        raise UnknownConnection(connection, "the driver's connections; pass cursor.connection")


def _insert(table: str, mark: str) -> str:
    """Return the statement. The table name was validated; all values are parameters."""
    if mark == "numeric_dollar":
        marks = ", ".join(f"${place}" for place in range(1, len(COLUMNS) + 1))
    else:
        marks = ", ".join([mark] * len(COLUMNS))
    return f"INSERT INTO {table} ({', '.join(COLUMNS)}) VALUES ({marks})"  # noqa: S608 - see above


def _root(connection: object) -> str:
    """Return the package of the connection's class, or of its first supported base class."""
    known = {"psycopg", "sqlite3", "django", "sqlalchemy"}
    roots = [each.__module__.partition(".")[0] for each in type(connection).__mro__]
    return next((root for root in roots if root in known), roots[0])


def _class(connection: object) -> str:
    return type(connection).__name__
