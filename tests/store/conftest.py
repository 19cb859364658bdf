"""A real Postgres for the store's tests: the one that is named, or one started here."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from conftest import TEST_POSTGRES
from plaudit.store.db.database import connect, migrate, open_database
from postgres import LocalPostgres


@pytest.fixture(scope="session")
def postgres(request: pytest.FixtureRequest) -> Iterator[str]:
    """The URL of an empty database that tests may drop everything in."""
    named = os.environ.get(TEST_POSTGRES)
    if named is not None:
        yield named
        return
    server: LocalPostgres = request.getfixturevalue("postgres_server")
    yield server.url()


@pytest.fixture(params=["sqlite", "postgres"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """An empty database with the tables of this release."""
    if request.param == "sqlite":
        made = open_database(f"sqlite:///{tmp_path / 'plaudit.db'}")
    else:
        made = connect(request.getfixturevalue("postgres"))
        with made.begin() as connection:  # the tables, and which revision they were
            connection.execute(sa.text("DROP SCHEMA IF EXISTS public CASCADE"))
            connection.execute(sa.text("CREATE SCHEMA public"))
        migrate(made)
    yield made
    made.dispose()
