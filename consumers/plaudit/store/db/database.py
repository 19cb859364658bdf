"""Database engine: SQLite for one machine, Postgres for several."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

import sqlalchemy
from pydantic import Field
from pydantic_settings import SettingsConfigDict
from sqlalchemy.engine import Engine, make_url
from sqlalchemy.exc import (
    ArgumentError,
    DataError,
    IntegrityError,
    NoSuchModuleError,
    OperationalError,
    SQLAlchemyError,
)

from plaudit.bulk.private import make_private
from plaudit.kafka.base_settings import EnvSettings
from plaudit.kafka.errors import SettingsError
from plaudit.store.db.log_indexes import build_indexes
from plaudit.store.db.schema_floor import floor_of, misfit

VARIABLE: Final = "PLAUDIT_DATABASE_URL"
BUSY_MS: Final = 10_000
"""Milliseconds for which SQLite waits for another writer."""
CACHE_KIB: Final = 65_536
"""Page cache of each SQLite connection, at most."""
CHECKPOINT_PAGES: Final = 8_000
"""Pages of 4 KiB that SQLite's journal collects before they move into the file."""
REVISION: Final = "0016"
"""Newest migration of this release."""
_READING: Final = "plaudit_reading"
_VERSION: Final = sqlalchemy.table("alembic_version", sqlalchemy.column("version_num"))


class DatabaseSettings(EnvSettings):
    """Settings of the database."""

    model_config = SettingsConfigDict(
        env_prefix="PLAUDIT_", env_file=".env", env_ignore_empty=True, extra="ignore", frozen=True
    )

    database_url: str = Field(
        default="sqlite:///plaudit.db",
        repr=False,
        description="SQLAlchemy URL of the database: sqlite:///FILE, or postgresql+psycopg://…",
    )


class DatabaseFailure(Exception):
    """The database is unavailable.

    DatabaseFailure
    ├── SchemaOutdated   run `plaudit db migrate` first
    └── RowsRefused      the database rejects these rows: a retry does not help
    """


class RowsRefused(DatabaseFailure):
    """The database rejects the rows."""


class SchemaOutdated(DatabaseFailure):
    """The tables do not fit this release."""


def open_database(url: str) -> Engine:
    """Return an engine; a new SQLite file gets its tables at once.

    Raises:
        SettingsError: the URL is invalid.
        DatabaseFailure: the database can't be reached.
        SchemaOutdated: run `plaudit db migrate` first.
    """
    engine = connect(url)
    try:
        with translated():
            if engine.dialect.name == "sqlite" and not _tables(engine):
                migrate(engine)
            check(engine)
    except BaseException:
        engine.dispose()
        raise
    return engine


def connect(url: str) -> Engine:
    """Return an engine without checking the tables.

    Raises:
        SettingsError: the URL is invalid.
    """
    try:
        parsed = make_url(url)
        if parsed.drivername in {"postgresql", "postgres"}:
            # Our extra installs psycopg 3; URLs of hosted databases do not name a driver.
            parsed = parsed.set(drivername="postgresql+psycopg")
        if parsed.get_backend_name() not in {"sqlite", "postgresql"}:
            raise SettingsError(VARIABLE, "only sqlite:/// and postgresql:// are supported")
        # Check connections before use, to detect a restarted server.
        options = _driver_options(parsed.drivername)
        engine = sqlalchemy.create_engine(parsed, pool_pre_ping=True, connect_args=options)
    except (ArgumentError, NoSuchModuleError, ValueError) as error:
        shown = "sqlite:///plaudit.db or postgresql://user@host/name"
        raise SettingsError(VARIABLE, f"not a database URL such as {shown}: {error}") from None
    except ModuleNotFoundError as error:
        raise SettingsError(VARIABLE, _missing_driver(error.name)) from None
    if engine.dialect.name == "sqlite":
        sqlalchemy.event.listen(engine, "do_connect", _made_private)
        sqlalchemy.event.listen(engine, "connect", _configure_sqlite)
        sqlalchemy.event.listen(engine, "begin", _begin_sqlite)
    return engine


def _driver_options(drivername: str) -> dict[str, object]:
    """Return the driver's options.

    A pooler in transaction mode, such as PgBouncer, runs each transaction in another server
    process, which lacks the statements that psycopg prepared by name elsewhere.
    """
    return {"prepare_threshold": None} if drivername == "postgresql+psycopg" else {}


def _missing_driver(name: str | None) -> str:
    if name == "psycopg":
        return 'psycopg is missing; pip install "plaudit[postgres]"'
    return f"the driver {name} is not installed; write postgresql://…, which uses psycopg 3"


@contextmanager
def translated() -> Iterator[None]:
    """Translate the driver's errors into ours, with a message of one line.

    Raises:
        DatabaseFailure: the driver's message.
    """
    try:
        yield
    except OperationalError as error:
        said = " ".join(str(error.orig).split())
        raise DatabaseFailure(f"{VARIABLE}: the database can't be used: {said}") from None
    except (DataError, IntegrityError) as error:
        said = " ".join(str(error.orig).split())[:400]
        raise RowsRefused(f"the database refused: {said}") from error
    except SQLAlchemyError as error:
        said = " ".join(str(error).split())[:400]
        raise DatabaseFailure(f"the database refused: {said}") from error


@contextmanager
def reading(engine: Engine) -> Iterator[sqlalchemy.Connection]:
    """Open a read-only transaction; in SQLite, it neither waits for a writer nor blocks one.

    Raises:
        DatabaseFailure: the database is unavailable.
    """
    with translated(), engine.connect().execution_options(**{_READING: True}) as connection:
        yield connection


def migrate(engine: Engine) -> None:
    """Migrate the tables to this release; idempotent. Tables of a later release stay unchanged.

    Raises:
        SchemaOutdated: this release can't use the tables of a later one.
    """
    found, wanted = revisions(engine)
    if found is not None and found > wanted:
        check(engine)
        return
    # This import takes half of a command's start-up, and few commands migrate.
    from plaudit.store.db.migrate import upgrade  # noqa: PLC0415 - takes long, is seldom needed

    with translated(), engine.begin() as connection:
        upgrade(connection)
    with translated():
        build_indexes(engine)


def revisions(engine: Engine) -> tuple[str | None, str]:
    """Return the revision of the tables (None without tables) and that of this release."""
    with translated(), engine.connect() as connection:
        if not sqlalchemy.inspect(connection).has_table(_VERSION.name):
            return None, REVISION
        return connection.execute(sqlalchemy.select(_VERSION)).scalar(), REVISION


def check(engine: Engine) -> None:
    """Compare the tables with this release.

    Raises:
        SchemaOutdated: they do not fit; the message contains the remedy.
    """
    found, wanted = revisions(engine)
    if found == wanted:
        return
    with translated(), engine.connect() as connection:
        problem = misfit(found, wanted, floor_of(connection))
    if problem is not None:
        raise SchemaOutdated(problem)


def _tables(engine: Engine) -> list[str]:
    return sqlalchemy.inspect(engine).get_table_names()


def _made_private(_dialect: object, _record: object, arguments: list[Any], _: object) -> None:
    path = str(arguments[0]) if arguments else ":memory:"
    if path != ":memory:" and not path.startswith("file:"):
        with suppress(OSError):  # the driver reports the cause
            make_private(Path(path))


def _configure_sqlite(connection: Any, _: object) -> None:  # noqa: ANN401 - a DB-API connection
    # SQLAlchemy begins transactions itself; the driver must not begin others.
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute(f"PRAGMA busy_timeout={BUSY_MS}")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.execute("PRAGMA synchronous=FULL")
    # Writes go to all parts of the log's indexes; with the default of 2 MB, SQLite rereads them.
    cursor.execute(f"PRAGMA cache_size=-{CACHE_KIB}")
    cursor.execute(f"PRAGMA wal_autocheckpoint={CHECKPOINT_PAGES}")
    cursor.close()


def _begin_sqlite(connection: sqlalchemy.Connection) -> None:
    # A deferred transaction that reads before it writes fails with "locked" instead of waiting.
    only_reads = connection.get_execution_options().get(_READING, False)
    connection.exec_driver_sql("BEGIN" if only_reads else "BEGIN IMMEDIATE")
