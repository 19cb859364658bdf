"""Oldest release whose code works with the tables, as the tables say.

A migration adds tables, columns with defaults, and indexes: then earlier releases work on, and can
come back. A migration that takes something away raises the floor to the first revision whose code
does without it, and comes at least one release later.
"""

from __future__ import annotations

from typing import Final

import sqlalchemy
from sqlalchemy import Column, String, Table

from plaudit.store.db.tables import METADATA

FLOOR: Final = Table("schema_floor", METADATA, Column("revision", String(32), primary_key=True))


def floor_of(connection: sqlalchemy.Connection) -> str | None:
    """Return the floor; None in tables that have none yet."""
    if not sqlalchemy.inspect(connection).has_table(FLOOR.name):
        return None
    return connection.execute(sqlalchemy.select(sqlalchemy.func.max(FLOOR.c.revision))).scalar()


def misfit(found: str | None, wanted: str, floor: str | None) -> str | None:
    """Return why tables do not fit a release, and what to do; None if they do.

    Args:
        found: revision of the tables; None without tables.
        wanted: revision of the release. Revisions are numbers of four digits.
        floor: floor of the tables.
    """
    if found is None or found < wanted:
        at = f"the database is at revision {found or 'none'}, this release needs {wanted}"
        return f"{at}; run `plaudit db migrate`"
    if found == wanted or (floor is not None and floor <= wanted):
        return None
    return (
        f"the database is at revision {found} of a later release; this release has {wanted} and "
        "can't use it: install the later one, or restore a backup"
    )
