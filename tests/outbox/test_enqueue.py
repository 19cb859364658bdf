"""An event is in the outbox if and only if the caller's transaction commits."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

import django
import psycopg
import pytest
import sqlalchemy as sa
from django.conf import settings as django_settings
from django.db import connections, transaction
from opentelemetry.sdk.trace import TracerProvider
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.orm import Session

from outbox.conftest import Outbox
from plaudit.events.encoding import encode
from plaudit.events.models.event import EventModel
from plaudit.outbox import (
    OutsideTransaction,
    UnknownConnection,
    enqueue,
    enqueue_async,
)
from plaudit.outbox.table import TableNameRefused, ddl
from plaudit.publish import EventTooLarge
from publish.test_prepare import large

ALIAS = "outbox"
Fresh = Callable[[], EventModel]


def waiting(outbox: Outbox) -> list[bytes]:
    rows = outbox.execute("SELECT value FROM plaudit_outbox ORDER BY number")
    return [bytes(value) for (value,) in rows if isinstance(value, bytes)]


def sqlalchemy_url(outbox: Outbox) -> str:
    return outbox.url.replace("postgresql://", "postgresql+psycopg://")


@contextmanager
def django_connection(outbox: Outbox) -> Iterator[object]:
    if not django_settings.configured:
        django_settings.configure(DATABASES={})
        django.setup()
    if outbox.dialect == "sqlite":
        database = {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": outbox.url.removeprefix("sqlite:///"),
        }
    else:
        name, _, host = outbox.url.removeprefix("postgresql://plaudit@/").partition("?host=")
        database = {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": name,
            "HOST": host,
            "USER": "plaudit",
        }
    connections.settings = connections.configure_settings({"default": {}, ALIAS: database})
    try:
        yield connections[ALIAS]
    finally:
        connections[ALIAS].close()
        del connections[ALIAS]


def test_a_drivers_connection_enqueues_in_its_transaction(outbox: Outbox, fresh: Fresh) -> None:
    kept, lost = fresh(), fresh()
    with closing(outbox.connect()) as connection:
        enqueue(connection, lost)
        connection.rollback()
        enqueue(connection, kept)
        connection.commit()
    assert waiting(outbox) == [encode(kept)]


@pytest.mark.parametrize("kind", ["connection", "session"])
def test_sqlalchemy_connections_enqueue_in_their_transaction(
    outbox: Outbox, fresh: Fresh, kind: str
) -> None:
    kept, lost = fresh(), fresh()
    engine = sa.create_engine(sqlalchemy_url(outbox))
    opened = engine.connect() if kind == "connection" else Session(engine)
    with opened as connection:
        enqueue(connection, lost)
        connection.rollback()
        enqueue(connection, kept)
        connection.commit()
    engine.dispose()
    assert waiting(outbox) == [encode(kept)]


def test_django_connections_enqueue_in_their_transaction(outbox: Outbox, fresh: Fresh) -> None:
    kept, lost = fresh(), fresh()
    with django_connection(outbox) as connection:
        with pytest.raises(OutsideTransaction, match=r"transaction\.atomic"):
            enqueue(connection, lost)
        with transaction.atomic(using=ALIAS):
            enqueue(connection, kept)
        with transaction.atomic(using=ALIAS):
            enqueue(connection, lost)
            transaction.set_rollback(True, using=ALIAS)
    assert waiting(outbox) == [encode(kept)]


async def test_asyncio_connections_enqueue_in_their_transaction(
    outbox: Outbox, fresh: Fresh
) -> None:
    if outbox.dialect == "sqlite":
        pytest.skip("the same code; SQLite would need another driver")
    kept, lost, third, fourth = (fresh() for _ in range(4))
    async with await psycopg.AsyncConnection.connect(outbox.url) as plain:
        await enqueue_async(plain, lost)
        await plain.rollback()
        await enqueue_async(plain, kept)
    engine = create_async_engine(sqlalchemy_url(outbox))
    async with AsyncSession(engine) as session, session.begin():
        await enqueue_async(session, third)
    async with engine.begin() as connection:
        await enqueue_async(connection, fourth)
    await engine.dispose()
    assert waiting(outbox) == [encode(kept), encode(third), encode(fourth)]


def test_a_connection_that_commits_each_statement_is_refused(outbox: Outbox, fresh: Fresh) -> None:
    autocommit = (
        psycopg.connect(outbox.url, autocommit=True)
        if outbox.dialect == "postgresql"
        else sqlite3.connect(outbox.url.removeprefix("sqlite:///"), isolation_level=None)
    )
    with closing(autocommit) as connection:
        with pytest.raises(OutsideTransaction):
            enqueue(connection, fresh())
        connection.execute("BEGIN")
        enqueue(connection, fresh())
        connection.execute("COMMIT")
    engine = sa.create_engine(sqlalchemy_url(outbox), isolation_level="AUTOCOMMIT")
    with (
        engine.connect().execution_options(isolation_level="AUTOCOMMIT") as second,
        pytest.raises(OutsideTransaction),
    ):
        enqueue(second, fresh())
    engine.dispose()
    assert len(waiting(outbox)) == 1


async def test_an_unknown_connection_is_refused_with_its_class(fresh: Fresh) -> None:
    with pytest.raises(UnknownConnection, match=r"builtins\.dict is not one of psycopg"):
        enqueue({}, fresh())
    with pytest.raises(UnknownConnection, match="AsyncSession"):
        await enqueue_async({}, fresh())


def test_an_event_that_is_refused_leaves_the_transaction_as_it_was(
    outbox: Outbox, fresh: Fresh
) -> None:
    kept = fresh()
    with closing(outbox.connect()) as connection:
        enqueue(connection, kept)
        with pytest.raises(EventTooLarge):
            enqueue(connection, large(600_000))
        connection.commit()
    assert waiting(outbox) == [encode(kept)]


def test_the_current_span_is_passed_on(outbox: Outbox, fresh: Fresh) -> None:
    with TracerProvider().get_tracer("t").start_as_current_span("order") as span:
        outbox.enqueue(fresh())
    [(headers,)] = outbox.execute("SELECT headers FROM plaudit_outbox")
    assert f"{span.get_span_context().trace_id:032x}" in str(headers)


@pytest.mark.parametrize("name", ["", "Outbox", "a b", "x;drop", "a.b.c", "a" * 52, '"q"'])
def test_an_invalid_name_reaches_no_statement(name: str, fresh: Fresh) -> None:
    with pytest.raises(TableNameRefused), closing(sqlite3.connect(":memory:")) as connection:
        enqueue(connection, fresh(), table=name)
    with pytest.raises(TableNameRefused):
        ddl("postgresql", name)


def test_the_table_can_be_made_twice_and_in_a_schema(outbox: Outbox, fresh: Fresh) -> None:
    if outbox.dialect == "sqlite":
        pytest.skip("SQLite has no schemas")
    outbox.execute("CREATE SCHEMA shop")
    for _ in range(2):
        outbox.execute(ddl("postgresql", "shop.events"))
    with closing(outbox.connect()) as connection:
        enqueue(connection, fresh(), table="shop.events")
        connection.commit()
    assert outbox.execute("SELECT count(*) FROM shop.events") == [(1,)]
