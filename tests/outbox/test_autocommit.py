"""A connection that commits each statement is refused, however that was chosen."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa
from django.db import transaction
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.orm import Session

from outbox.conftest import Outbox
from outbox.test_enqueue import ALIAS, Fresh, django_connection, sqlalchemy_url, waiting
from plaudit.events.models import TestimonialApproved
from plaudit.outbox import OutsideTransaction, UnknownConnection, enqueue, enqueue_async
from plaudit.outbox.table import ddl
from plaudit.publish.prepare import prepare
from plaudit.records.names import Names

Opened = Callable[[str], Any]


def engine_level(url: str) -> Any:
    return sa.create_engine(url, isolation_level="AUTOCOMMIT").connect()


def engine_options(url: str) -> Any:
    return sa.create_engine(url).execution_options(isolation_level="AUTOCOMMIT").connect()


def connection_options(url: str) -> Any:
    return sa.create_engine(url).connect().execution_options(isolation_level="AUTOCOMMIT")


def session(url: str) -> Any:
    return Session(sa.create_engine(url, isolation_level="AUTOCOMMIT"))


def driver_arguments(url: str) -> Any:
    name, value = ("isolation_level", None) if url.startswith("sqlite") else ("autocommit", True)
    return sa.create_engine(url, connect_args={name: value}).connect()


@pytest.mark.parametrize(
    "opened", [engine_level, engine_options, connection_options, session, driver_arguments]
)
def test_sqlalchemy_connections_in_autocommit_are_refused(
    outbox: Outbox, fresh: Fresh, opened: Opened
) -> None:
    with opened(sqlalchemy_url(outbox)) as connection:
        with pytest.raises(OutsideTransaction, match="isolation_level=AUTOCOMMIT"):
            enqueue(connection, fresh())
        engine: Any = connection.get_bind() if isinstance(connection, Session) else connection
    getattr(engine, "engine", engine).dispose()
    assert waiting(outbox) == []


async def test_asyncio_connections_in_autocommit_are_refused(outbox: Outbox, fresh: Fresh) -> None:
    if outbox.dialect == "sqlite":
        pytest.skip("the same code; SQLite would need another driver")
    engine = create_async_engine(sqlalchemy_url(outbox), isolation_level="AUTOCOMMIT")
    async with engine.connect() as connection:
        with pytest.raises(OutsideTransaction):
            await enqueue_async(connection, fresh())
    await engine.dispose()
    async with await psycopg.AsyncConnection.connect(outbox.url, autocommit=True) as plain:
        with pytest.raises(OutsideTransaction):
            await enqueue_async(plain, fresh())
    assert waiting(outbox) == []


def test_an_sqlite_connection_with_manual_transactions_is_accepted(
    outbox: Outbox, fresh: Fresh
) -> None:
    """SQLAlchemy documents this for savepoints: no isolation level, and BEGIN in an event."""
    if outbox.dialect != "sqlite":
        pytest.skip("of sqlite3 alone")
    engine = sa.create_engine(outbox.url)

    @sa.event.listens_for(engine, "connect")
    def no_level(connection: sqlite3.Connection, _: object) -> None:
        connection.isolation_level = None

    @sa.event.listens_for(engine, "begin")
    def begin(connection: sa.Connection) -> None:
        connection.exec_driver_sql("BEGIN")

    with engine.connect() as connection:
        enqueue(connection, fresh())
        connection.rollback()
        enqueue(connection, fresh())
        connection.commit()
    engine.dispose()
    assert len(waiting(outbox)) == 1


def test_a_django_connection_outside_of_atomic_is_refused(outbox: Outbox, fresh: Fresh) -> None:
    with django_connection(outbox) as connection:
        with transaction.atomic(using=ALIAS):
            pass
        with pytest.raises(OutsideTransaction, match=r"transaction\.atomic"):
            enqueue(connection, fresh())
    assert waiting(outbox) == []


def test_a_cursor_is_refused_with_what_to_pass(fresh: Fresh) -> None:
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.executescript(ddl("sqlite"))
        with pytest.raises(UnknownConnection, match=r"sqlite3\.Cursor .* pass cursor\.connection"):
            enqueue(connection.cursor(), fresh())


@pytest.mark.parametrize(
    ("event", "said"), [({}, "not dict"), (TestimonialApproved, "not the class Testimonial")]
)
def test_publishing_another_object_is_a_type_error(event: Any, said: str) -> None:
    with pytest.raises(TypeError, match=said), closing(sqlite3.connect(":memory:")) as connection:
        enqueue(connection, event)
    with pytest.raises(TypeError, match=r"an event model such as TestimonialApproved"):
        prepare(event, Names(), "/tests")
