"""Re-encryption with the first key, so that an older key can be removed."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from plaudit.endpoints.keys import Sealed, SecretKeys
from plaudit.store.db.tables import ANSWERS, ENDPOINTS
from plaudit.store.endpoints import rows


def reseal(connection: Connection, keys: SecretKeys) -> int:
    """Re-encrypt with the first key all fields that use another; return the number of endpoints.

    It announces all of them, so that records of earlier releases get the seal that binds them to
    their owner. Versions do not change, because receivers see no difference. A process that still
    encrypts with an older key may add an endpoint meanwhile. So run this after the last such
    process has stopped, until it returns 0.

    Raises:
        CannotOpen: a key is missing; the transaction must not be committed.
    """
    endpoints = _reseal(connection, keys, ENDPOINTS, ENDPOINTS.c.endpoint_id)
    for endpoint_id in connection.execute(sa.select(ENDPOINTS.c.endpoint_id)).scalars().all():
        rows.announce(connection, endpoint_id)
    _reseal(connection, keys, ANSWERS, ANSWERS.c.answer_id)
    return len(endpoints)


def _reseal(
    connection: Connection, keys: SecretKeys, table: sa.Table, owner: sa.Column[str]
) -> list[str]:
    """Re-encrypt the rows of a table; return the ids of their endpoints."""
    query = sa.select(owner, table.c.key_id, table.c.sealed).where(table.c.key_id != keys.first)
    found = connection.execute(query.with_for_update()).all()
    for name, key_id, blob in found:
        fresh = keys.seal(name, keys.open(name, Sealed(key_id, bytes(blob))))
        values = {"key_id": fresh.key_id, "sealed": fresh.blob}
        connection.execute(table.update().where(owner == name).values(values))
    return [row[0] for row in found]
