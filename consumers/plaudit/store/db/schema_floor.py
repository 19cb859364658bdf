"""Schema floor: the oldest release that works with the tables, stored in the database.

Earlier releases keep working with a migration that adds tables, columns with defaults, or indexes,
and a rollback is possible. A migration that removes something raises the floor to the first
revision whose code does not use it, and comes at least one release later.
"""

from __future__ import annotations

from typing import Final

import sqlalchemy
from sqlalchemy import Column, String, Table

from plaudit.store.db.tables import METADATA

FLOOR: Final = Table("schema_floor", METADATA, Column("revision", String(32), primary_key=True))


def floor_of(connection: sqlalchemy.Connection) -> str | None:
    """Return the floor; None in tables without one."""
    if not sqlalchemy.inspect(connection).has_table(FLOOR.name):
        return None
    return connection.execute(sqlalchemy.select(sqlalchemy.func.max(FLOOR.c.revision))).scalar()


def misfit(found: str | None, wanted: str, floor: str | None) -> str | None:
    """Return why the tables do not fit a release, with the remedy; None if they fit.

    Args:
        found: revision of the tables; None without tables.
        wanted: revision of the release. Revisions are numbers of four digits.
        floor: floor of the tables.
    """
    if found is None:
        return "the database is empty; run `plaudit db migrate`"
    if found < wanted:
        at = f"the database is at revision {found}, this release needs {wanted}"
        return f"{at}; run `plaudit db migrate`"
    if found == wanted or (floor is not None and floor <= wanted):
        return None
    return (
        f"the database is at revision {found} of a later release; this release has {wanted} and "
        "can't use it: install the later one, or restore a backup"
    )
