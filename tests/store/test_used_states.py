"""States of sign-ins: used once by all processes together; on both databases."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from plaudit.store.access.used_states import UsedStates
from plaudit.store.db.database import reading
from plaudit.store.db.session_tables import USED_STATES


def test_a_state_is_used_once_by_several_processes(engine: Engine) -> None:
    one, other = UsedStates(engine, lambda: 5), UsedStates(engine, lambda: 5)
    assert one.use("state", 10)
    assert not other.use("state", 10)
    assert not one.use("state", 10)
    assert other.use("another state", 10)


def test_a_state_is_kept_until_its_sign_in_is_too_old(engine: Engine) -> None:
    now = [5]
    states = UsedStates(engine, lambda: now[0])
    assert states.use("state", 10)
    now[0] = 10
    assert not states.use("state", 10)
    now[0] = 11
    assert states.use("another", 20)
    with reading(engine) as connection:
        assert list(connection.execute(sa.select(USED_STATES.c.expires_at)).scalars()) == [20]
