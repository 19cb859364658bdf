"""Stored responses to idempotent requests.

A response may contain a secret that is shown once, so it is encrypted. Until a response exists, the
row contains the request's seed (see `idempotency_seed`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine, Row

from plaudit.endpoints.keys import Sealed, SecretKeys
from plaudit.records.times import wall_ms
from plaudit.store.db.database import translated
from plaudit.store.db.tables import ANSWERS
from plaudit.store.db.upsert import insert_into
from plaudit.store.endpoints.idempotency_seed import IdempotencySeed, new_seed

RETENTION_MS: Final = 24 * 3_600_000


class KeyReused(ValueError):
    """The idempotency key was used for another request."""


@dataclass(frozen=True, slots=True)
class StoredResponse:
    """A stored response."""

    status: int
    content: bytes


class IdempotencyStore:
    """Stores responses by the id of their request.

    Args:
        engine: database.
        keys: keys that encrypt and decrypt them.
        now_ms: clock in epoch milliseconds.
    """

    def __init__(
        self,
        engine: Engine,
        keys: SecretKeys,
        now_ms: Callable[[], int] = wall_ms,
    ) -> None:
        self._engine = engine
        self._keys = keys
        self._now_ms = now_ms

    def begin(self, answer_id: str, request: str) -> IdempotencySeed | StoredResponse:
        """Return the stored response, or the seed with which the caller carries the request out.

        That includes a request that another process has begun: it may be dead, and with the same
        seed the effect is the same. Afterwards call `keep` or `forget`.

        Args:
            answer_id: id derived from the API key and the idempotency key.
            request: hash that identifies the request.

        Raises:
            KeyReused: the key was used for another request.
            DatabaseFailure: the request must not be carried out.
            CannotOpen: the key that encrypted the response is missing.
        """
        now = self._now_ms()
        seed = new_seed()
        sealed = self._keys.seal(answer_id, seed)
        with translated(), self._engine.begin() as connection:
            connection.execute(ANSWERS.delete().where(ANSWERS.c.expires_at <= now))
            if _claim(connection, answer_id, request, now, sealed):
                return IdempotencySeed(seed, now)
            mine = ANSWERS.c.answer_id == answer_id
            row = connection.execute(sa.select(ANSWERS).where(mine).with_for_update()).one()
            if row.request == request and row.sealed is None:  # begun by an older release
                values = {"key_id": sealed.key_id, "sealed": sealed.blob}
                connection.execute(ANSWERS.update().where(mine).values(values))
                return IdempotencySeed(seed, row.begun_at, repeated=True)
        return self._judged(row, request)

    def keep(self, answer_id: str, kept: StoredResponse) -> None:
        """Store the response.

        Raises:
            DatabaseFailure: the response is not stored.
        """
        sealed = self._keys.seal(answer_id, kept.content)
        values = {"status": kept.status, "key_id": sealed.key_id, "sealed": sealed.blob}
        with translated(), self._engine.begin() as connection:
            mine = ANSWERS.c.answer_id == answer_id
            connection.execute(ANSWERS.update().where(mine).values(values))

    def forget(self, answer_id: str) -> None:
        """Release the idempotency key of a request that changed nothing.

        Raises:
            DatabaseFailure: the key stays in use for a day.
        """
        with translated(), self._engine.begin() as connection:
            connection.execute(ANSWERS.delete().where(ANSWERS.c.answer_id == answer_id))

    def _judged(self, row: Row[Any], request: str) -> IdempotencySeed | StoredResponse:
        if row.request != request:
            raise KeyReused
        found = self._keys.open(row.answer_id, Sealed(row.key_id, bytes(row.sealed)))
        if row.status is None:
            return IdempotencySeed(found, row.begun_at, repeated=True)
        return StoredResponse(row.status, found)


def _claim(connection: Connection, answer_id: str, request: str, now: int, sealed: Sealed) -> bool:
    row = {
        "answer_id": answer_id,
        "request": request,
        "begun_at": now,
        "expires_at": now + RETENTION_MS,
        "key_id": sealed.key_id,
        "sealed": sealed.blob,
    }
    insert = insert_into(connection, ANSWERS).values(row).on_conflict_do_nothing()
    return connection.execute(insert.returning(ANSWERS.c.answer_id)).first() is not None
