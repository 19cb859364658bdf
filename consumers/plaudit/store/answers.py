"""Answers kept for requests that are sent again under one idempotency key.

They may hold a secret that is shown once, so they are sealed as endpoints are.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine, Row

from plaudit.endpoints.keys import Sealed, SecretKeys
from plaudit.store.database import translated
from plaudit.store.inserting import insert_into
from plaudit.store.tables import ANSWERS

KEPT_MS: Final = 24 * 3_600_000
STALE_MS: Final = 60_000
"""Whoever has not answered by then was killed: the request is carried out again."""


class Begun(Enum):
    """What a request under a key is, when there is no answer to it."""

    NEW = auto()  # carry it out, then `keep` or `forget`
    BUSY = auto()  # the first one is still being carried out
    OTHER = auto()  # the key was used for another request


@dataclass(frozen=True, slots=True)
class Kept:
    """An answer that was given."""

    status: int
    content: bytes


class Answers:
    """Keeps answers by the id of what they answer.

    Args:
        engine: the database.
        keys: seal and open them.
        now_ms: epoch milliseconds.
    """

    def __init__(
        self,
        engine: Engine,
        keys: SecretKeys,
        now_ms: Callable[[], int] = lambda: int(time.time() * 1_000),
    ) -> None:
        self._engine = engine
        self._keys = keys
        self._now_ms = now_ms

    def begin(self, answer_id: str, request: str) -> Begun | Kept:
        """Claim a request, or return the answer that it was given.

        Args:
            answer_id: of whom and under which key.
            request: what tells this request from others.

        Raises:
            DatabaseFailure: nothing was claimed.
            CannotOpen: the key that sealed the answer is not here.
        """
        now = self._now_ms()
        with translated(), self._engine.begin() as connection:
            connection.execute(ANSWERS.delete().where(ANSWERS.c.expires_at <= now))
            if _claim(connection, answer_id, request, now):
                return Begun.NEW
            mine = ANSWERS.c.answer_id == answer_id
            row = connection.execute(sa.select(ANSWERS).where(mine).with_for_update()).one()
            if row.request == request and row.status is None and now - row.begun_at >= STALE_MS:
                connection.execute(ANSWERS.update().where(mine).values(begun_at=now))
                return Begun.NEW
        return self._judged(row, request)

    def keep(self, answer_id: str, kept: Kept) -> None:
        """Keep the answer that is given.

        Raises:
            DatabaseFailure: it is not kept.
        """
        sealed = self._keys.seal(answer_id, kept.content)
        values = {"status": kept.status, "key_id": sealed.key_id, "sealed": sealed.blob}
        with translated(), self._engine.begin() as connection:
            mine = ANSWERS.c.answer_id == answer_id
            connection.execute(ANSWERS.update().where(mine).values(values))

    def forget(self, answer_id: str) -> None:
        """Let the key be used again: nothing was done.

        Raises:
            DatabaseFailure: it is busy until it is stale.
        """
        with translated(), self._engine.begin() as connection:
            connection.execute(ANSWERS.delete().where(ANSWERS.c.answer_id == answer_id))

    def _judged(self, row: Row[Any], request: str) -> Begun | Kept:
        if row.request != request:
            return Begun.OTHER
        if row.status is None:
            return Begun.BUSY
        sealed = Sealed(row.key_id, bytes(row.sealed))
        return Kept(row.status, self._keys.open(row.answer_id, sealed))


def _claim(connection: Connection, answer_id: str, request: str, now: int) -> bool:
    row = {
        "answer_id": answer_id,
        "request": request,
        "begun_at": now,
        "expires_at": now + KEPT_MS,
    }
    insert = insert_into(connection, ANSWERS).values(row).on_conflict_do_nothing()
    return connection.execute(insert.returning(ANSWERS.c.answer_id)).first() is not None
