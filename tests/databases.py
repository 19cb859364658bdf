"""New databases with the tables of this release, as copies of one that was migrated once.

Twelve migrations take 0.15 s, and most of a thousand tests want a database of their own.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from itertools import count
from pathlib import Path
from typing import Final

from sqlalchemy.engine import Engine, make_url

from plaudit.store.db.database import connect, migrate, open_database

_NUMBERS: Final = count(1)
_FOLDER: Final = tempfile.TemporaryDirectory(prefix="plaudit-template-")


def new_sqlite(file: Path) -> Engine:
    """Return the engine of a new SQLite database in a file; it has no rows."""
    shutil.copyfile(_template(), file)
    file.chmod(0o600)  # as `open_database` makes it
    return open_database(f"sqlite:///{file}")


@cache
def _template() -> Path:
    """Return the file of a migrated database without its journal."""
    file = Path(_FOLDER.name) / "plaudit.db"
    open_database(f"sqlite:///{file}").dispose()  # the last connection empties the journal
    return file


@contextmanager
def new_postgres(server: str) -> Iterator[Engine]:
    """Yield the engine of a new database, which is dropped afterwards.

    Args:
        server: URL of a database whose user may create others.
    """
    template, name = _postgres_template(server), f"plaudit_{os.getpid()}_{next(_NUMBERS)}"
    _in_no_transaction(server, f"CREATE DATABASE {name} TEMPLATE {template}")
    engine = open_database(_beside(server, name))
    try:
        yield engine
    finally:
        engine.dispose()
        _in_no_transaction(server, f"DROP DATABASE {name} WITH (FORCE)")


@cache
def _postgres_template(server: str) -> str:
    """Return the name of a migrated database that has no connections."""
    name = f"plaudit_{os.getpid()}_template"
    _in_no_transaction(server, f"DROP DATABASE IF EXISTS {name}")
    _in_no_transaction(server, f"CREATE DATABASE {name}")
    engine = connect(_beside(server, name))
    migrate(engine)
    engine.dispose()
    return name


def _beside(server: str, name: str) -> str:
    return make_url(server).set(database=name).render_as_string(hide_password=False)


def _in_no_transaction(server: str, statement: str) -> None:
    engine = connect(server)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql(statement)
    engine.dispose()
