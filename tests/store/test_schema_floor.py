"""Releases on one database: an earlier one uses tables of a later one, or refuses."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

import pytest
import sqlalchemy as sa

from plaudit.store.db.database import (
    REVISION,
    SchemaOutdated,
    check,
    migrate,
    open_database,
    revisions,
)
from plaudit.store.db.schema_floor import misfit

VERSIONS = Path(str(resources.files("plaudit.store") / "migrations" / "versions"))
FIRST_WITH_FLOOR = "0011"
TAKES_AWAY = ("drop_", "alter_column", "rename_", "DROP ", "ALTER COLUMN", "RENAME ")


@pytest.mark.parametrize(
    ("found", "floor", "expected"),
    [
        (None, None, "the database is empty; run `plaudit db migrate`"),
        ("0010", None, "run `plaudit db migrate`"),
        ("0011", "0011", None),
        ("0012", "0011", None),
        ("0012", "0012", "later release"),
        ("0012", None, "later release"),
    ],
)
def test_tables_fit_a_release_that_is_not_below_their_floor(
    found: str | None, floor: str | None, expected: str | None
) -> None:
    problem = misfit(found, "0011", floor)
    assert problem is None if expected is None else expected in str(problem)


def test_an_earlier_release_opens_tables_of_a_later_one_and_migrates_nothing(
    tmp_path: Path,
) -> None:
    url = f"sqlite:///{tmp_path / 'plaudit.db'}"
    engine = open_database(url)
    with engine.begin() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    engine.dispose()
    engine = open_database(url)
    migrate(engine)
    assert revisions(engine) == ("9999", REVISION)
    with engine.begin() as connection:
        connection.execute(sa.text("UPDATE schema_floor SET revision = '9999'"))
    with pytest.raises(SchemaOutdated, match="later release"):
        check(engine)
    with pytest.raises(SchemaOutdated, match="later release"):
        migrate(engine)
    engine.dispose()


def test_a_migration_that_removes_something_raises_the_floor() -> None:
    for file in VERSIONS.glob("[0-9]*.py"):
        text = file.read_text(encoding="utf-8")
        if file.name > FIRST_WITH_FLOOR and any(word in text for word in TAKES_AWAY):
            assert "schema_floor" in text, f"{file.name} takes something away; see schema_floor.py"
