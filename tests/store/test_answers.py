"""Answers under idempotency keys: one request, one answer, whoever sends it how often."""

from __future__ import annotations

import os

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from plaudit.endpoints.keys import CannotOpen, SecretKeys
from plaudit.store.answers import KEPT_MS, STALE_MS, Answers, Begun, Kept
from plaudit.store.database import reading
from plaudit.store.tables import ANSWERS

KEYS = SecretKeys([os.urandom(32)])
ANSWER = Kept(201, b'{"secret": "whsec_x"}')


class Clock:
    """Epoch milliseconds that a test moves."""

    def __init__(self) -> None:
        self.now = 1_764_000_000_000

    def __call__(self) -> int:
        return self.now


def test_an_answer_is_given_again_to_the_same_request_only(engine: Engine) -> None:
    answers = Answers(engine, KEYS)
    assert answers.begin("a", "one") is Begun.NEW
    assert answers.begin("a", "one") is Begun.BUSY
    assert answers.begin("a", "two") is Begun.OTHER
    answers.keep("a", ANSWER)
    assert answers.begin("a", "one") == ANSWER
    assert answers.begin("a", "two") is Begun.OTHER
    assert answers.begin("b", "one") is Begun.NEW
    with reading(engine) as connection:
        assert "whsec" not in repr(connection.execute(sa.select(ANSWERS)).all())
    with pytest.raises(CannotOpen):
        Answers(engine, SecretKeys([os.urandom(32)])).begin("a", "one")


def test_a_key_is_free_again_when_nothing_was_done(engine: Engine) -> None:
    answers = Answers(engine, KEYS)
    assert answers.begin("a", "one") is Begun.NEW
    answers.forget("a")
    assert answers.begin("a", "two") is Begun.NEW


def test_a_request_whose_process_was_killed_is_carried_out_by_one_other(engine: Engine) -> None:
    clock = Clock()
    answers = Answers(engine, KEYS, clock)
    assert answers.begin("a", "one") is Begun.NEW
    clock.now += STALE_MS - 1
    assert answers.begin("a", "one") is Begun.BUSY
    clock.now += 1
    assert answers.begin("a", "one") is Begun.NEW
    assert answers.begin("a", "one") is Begun.BUSY


def test_an_answer_is_kept_for_a_day(engine: Engine) -> None:
    clock = Clock()
    answers = Answers(engine, KEYS, clock)
    answers.begin("a", "one")
    answers.keep("a", ANSWER)
    clock.now += KEPT_MS - 1
    assert answers.begin("a", "one") == ANSWER
    clock.now += 1
    assert answers.begin("a", "two") is Begun.NEW
