"""States of sign-ins with a provider that were used, shared by all serving processes."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy.engine import Engine

from plaudit.records.times import wall_ms
from plaudit.store.access.api_keys import hashed
from plaudit.store.db.database import translated
from plaudit.store.db.session_tables import USED_STATES
from plaudit.store.db.upsert import insert_into


class UsedStates:
    """Takes each state once, in whichever process the browser comes back.

    Args:
        engine: database, which gets the SHA-256 of a state.
        now_ms: clock in epoch milliseconds.
    """

    def __init__(self, engine: Engine, now_ms: Callable[[], int] = wall_ms) -> None:
        self._engine = engine
        self._now_ms = now_ms

    def use(self, state: str, expires_at: int) -> bool:
        """Note that a state is used; return False if it was used before.

        Args:
            state: state of an answer.
            expires_at: when its sign-in is too old in any case, in epoch milliseconds.

        Raises:
            DatabaseFailure: the state must not be used.
        """
        row = {"hash": hashed(state), "expires_at": expires_at}
        with translated(), self._engine.begin() as connection:
            connection.execute(
                USED_STATES.delete().where(USED_STATES.c.expires_at < self._now_ms())
            )
            insert = insert_into(connection, USED_STATES).values(row).on_conflict_do_nothing()
            return connection.execute(insert.returning(USED_STATES.c.hash)).first() is not None
