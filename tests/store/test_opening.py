"""Opening a database: its file is private, and nothing stays open that can't be used."""

from __future__ import annotations

import stat
import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from plaudit.store.db import database
from plaudit.store.db.database import DatabaseFailure, SchemaOutdated, connect, open_database


def test_a_new_file_is_private_and_so_are_its_journals(tmp_path: Path) -> None:
    engine = open_database(f"sqlite:///{tmp_path / 'plaudit.db'}")
    with engine.connect() as connection:
        connection.execute(sa.text("SELECT 1"))
        modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in tmp_path.iterdir()}
    engine.dispose()
    assert modes
    assert set(modes.values()) == {0o600}, modes


def test_a_second_connection_leaves_the_locks_of_the_first(tmp_path: Path) -> None:
    """Without its locks, another process that closes the database removes its write-ahead log."""
    path = tmp_path / "plaudit.db"
    engine = open_database(f"sqlite:///{path}")
    visitor = (
        "import sqlite3, sys\n"
        "connection = sqlite3.connect(sys.argv[1])\n"
        "print(connection.execute('SELECT count(*) FROM kept').fetchone()[0])\n"
        "connection.close()\n"
    )

    def seen_by_another_process() -> str:
        run = [sys.executable, "-c", visitor, str(path)]
        return subprocess.run(run, capture_output=True, text=True, check=True).stdout.strip()

    with engine.connect() as first, engine.connect() as second:
        first.exec_driver_sql("CREATE TABLE kept (number INTEGER)")
        first.commit()
        second.exec_driver_sql("SELECT 1")
        second.commit()
        assert seen_by_another_process() == "0"
        first.exec_driver_sql("INSERT INTO kept VALUES (1)")
        first.commit()
        assert seen_by_another_process() == "1"
    engine.dispose()


def test_a_file_in_a_missing_folder_is_reported_as_before(tmp_path: Path) -> None:
    with pytest.raises(DatabaseFailure, match="unable to open database file"):
        open_database(f"sqlite:///{tmp_path / 'none' / 'plaudit.db'}")


def test_an_engine_that_can_not_be_used_is_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def outdated(_: Engine) -> None:
        raise SchemaOutdated("older")

    closed: list[Engine] = []
    monkeypatch.setattr(database, "check", outdated)
    dispose = Engine.dispose

    def noted(self: Engine) -> None:
        closed.append(self)
        dispose(self)

    monkeypatch.setattr(Engine, "dispose", noted)
    with pytest.raises(SchemaOutdated):
        open_database(f"sqlite:///{tmp_path / 'plaudit.db'}")
    assert len(closed) == 1


def test_statements_are_not_prepared_by_name_in_postgres(postgres: str) -> None:
    """A pooler in transaction mode would give the next transaction another server process."""
    engine = connect(postgres)
    with engine.begin() as connection:
        for number in range(20):
            connection.execute(sa.text("SELECT :number"), {"number": number})
        prepared = sa.text("SELECT count(*) FROM pg_prepared_statements")
        assert connection.execute(prepared).scalar_one() == 0
    engine.dispose()
