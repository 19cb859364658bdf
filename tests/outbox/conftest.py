"""Outboxes in Postgres and in SQLite, and what a topic holds."""

from __future__ import annotations

import sqlite3
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
from pydantic import SecretStr

from plaudit.events.examples import example
from plaudit.events.models.event import EventModel
from plaudit.kafka.settings import KafkaSettings
from plaudit.outbox import enqueue
from plaudit.outbox.events import RecordMaker
from plaudit.outbox.queue import EventQueue
from plaudit.outbox.settings import OutboxSettings, open_queue
from plaudit.outbox.table import Dialect, ddl
from postgres import LocalPostgres
from publish.conftest import read_all, topics

__all__ = ["read_all", "topics"]  # fixtures of publishing


@dataclass(frozen=True)
class Outbox:
    """A database with an outbox.

    Attributes:
        dialect: which database.
        url: where.
    """

    dialect: Dialect
    url: str

    def connect(self) -> Any:
        """Return a connection as a service would open it."""
        if self.dialect == "sqlite":
            return sqlite3.connect(self.url.removeprefix("sqlite:///"), timeout=30)
        return psycopg.connect(self.url)

    def enqueue(self, *events: EventModel) -> None:
        """Write events in one transaction."""
        with closing(self.connect()) as connection:
            for event in events:
                enqueue(connection, event, source="/services/tests")
            connection.commit()

    def execute(self, statement: str) -> list[tuple[object, ...]]:
        """Run a statement; return its rows, if it has any."""
        with closing(self.connect()) as connection:
            cursor = connection.execute(statement)
            rows = cursor.fetchall() if cursor.description else []
            connection.commit()
        return rows

    @property
    def settings(self) -> OutboxSettings:
        """Settings that name it."""
        return OutboxSettings(url=SecretStr(self.url))

    def queue(self, settings: KafkaSettings) -> EventQueue:
        """Return the relay's side of it."""
        return open_queue(self.settings, RecordMaker(settings.names, lambda _: None))


def new_postgres(server: LocalPostgres) -> Outbox:
    """Return an outbox in a database of its own."""
    name = f"o{uuid.uuid4().hex[:10]}"
    with psycopg.connect(server.url(scheme="postgresql"), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
    outbox = Outbox("postgresql", server.url(name, "postgresql"))
    outbox.execute(ddl("postgresql"))
    return outbox


def new_sqlite(folder: Path) -> Outbox:
    """Return an outbox in a file of its own."""
    file = folder / "app.db"
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.executescript(ddl("sqlite"))
    return Outbox("sqlite", f"sqlite:///{file}")


@pytest.fixture(params=["postgresql", "sqlite"])
def outbox(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Outbox]:
    """An empty outbox, in each database."""
    if request.param == "sqlite":
        yield new_sqlite(tmp_path)
    else:
        yield new_postgres(request.getfixturevalue("postgres_server"))


EXAMPLE = example("testimonial.approved")  # making one takes milliseconds


@pytest.fixture
def fresh() -> Callable[[], EventModel]:
    """Make examples with ids of their own, all of one testimonial."""

    def make() -> EventModel:
        meta = EXAMPLE.meta.model_copy(update={"event_id": uuid.uuid4()})
        return EXAMPLE.model_copy(update={"meta": meta})

    return make
