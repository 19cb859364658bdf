"""Re-encryption with the first key, so that an older key can be removed."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from plaudit.endpoints.keys import Sealed, SecretKeys
from plaudit.store.db.tables import ANSWERS, ENDPOINTS
from plaudit.store.endpoints import rows


def reseal(connection: Connection, keys: SecretKeys) -> int:
    """Encrypt with the first key what other keys encrypted; return the number of endpoints.

    All are announced: records of earlier releases get the seal that binds them to their owner.
    Versions stay: nothing that a receiver sees is changed. A process that still seals with an
    older key may write one back meanwhile, so this is done when none is left, and until it is 0.

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
    """Seal the rows of a table again; return whose they are."""
    query = sa.select(owner, table.c.key_id, table.c.sealed).where(table.c.key_id != keys.first)
    found = connection.execute(query.with_for_update()).all()
    for name, key_id, blob in found:
        fresh = keys.seal(name, keys.open(name, Sealed(key_id, bytes(blob))))
        values = {"key_id": fresh.key_id, "sealed": fresh.blob}
        connection.execute(table.update().where(owner == name).values(values))
    return [row[0] for row in found]
