"""Look-up of ids in the delivery log by their first characters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from plaudit.store.db.tables import ATTEMPTS, Id

_MOST: Final = 20


def deliveries_between(connection: Connection, first: str, last: str) -> Sequence[str]:
    """Return the delivery ids in a range, at most 20."""
    return _between(connection, ATTEMPTS.c.delivery_id, first, last)


def events_between(connection: Connection, first: str, last: str) -> Sequence[str]:
    """Return the event ids in a range, at most 20."""
    return _between(connection, ATTEMPTS.c.event_id, first, last)


def event_of_delivery(connection: Connection, delivery_id: str) -> str | None:
    """Return the event of a delivery; None if the delivery is unknown."""
    query = sa.select(ATTEMPTS.c.event_id).where(ATTEMPTS.c.delivery_id == delivery_id).limit(1)
    found: str | None = connection.execute(query).scalar()
    return found


def _between(
    connection: Connection, column: sa.Column[str], first: str, last: str
) -> Sequence[str]:
    low, high = sa.literal(first, Id), sa.literal(last, Id)
    query = sa.select(column).where(column >= low, column <= high).distinct().limit(_MOST)
    return [str(each) for each in connection.execute(query).scalars()]
