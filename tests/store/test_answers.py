"""Answers under idempotency keys: one request has one answer."""

from __future__ import annotations

import os
from dataclasses import replace

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from plaudit.endpoints.keys import CannotOpen, SecretKeys
from plaudit.store.access.idempotency_store import (
    RETENTION_MS,
    IdempotencyStore,
    KeyReused,
    StoredResponse,
)
from plaudit.store.db.database import reading
from plaudit.store.db.tables import ANSWERS
from plaudit.store.endpoints.idempotency_seed import IdempotencySeed

KEYS = SecretKeys([os.urandom(32)])
ANSWER = StoredResponse(201, b'{"secret": "whsec_x"}')


class Clock:
    """Epoch milliseconds that a test moves."""

    def __init__(self) -> None:
        self.now = 1_764_000_000_000

    def __call__(self) -> int:
        return self.now


def test_an_answer_is_given_again_to_the_same_request_only(engine: Engine) -> None:
    answers = IdempotencyStore(engine, KEYS)
    assert isinstance(answers.begin("a", "one"), IdempotencySeed)
    with pytest.raises(KeyReused):
        answers.begin("a", "two")
    answers.keep("a", ANSWER)
    assert answers.begin("a", "one") == ANSWER
    with pytest.raises(KeyReused):
        answers.begin("a", "two")
    assert isinstance(answers.begin("b", "one"), IdempotencySeed)
    with reading(engine) as connection:
        assert "whsec" not in repr(connection.execute(sa.select(ANSWERS)).all())
    with pytest.raises(CannotOpen):
        IdempotencyStore(engine, SecretKeys([os.urandom(32)])).begin("a", "one")


def test_a_key_is_free_again_when_nothing_was_done(engine: Engine) -> None:
    answers = IdempotencyStore(engine, KEYS)
    before = answers.begin("a", "one")
    answers.forget("a")
    assert answers.begin("a", "two") != before


def test_a_request_of_a_killed_process_is_repeated_with_the_same_effect(
    engine: Engine,
) -> None:
    clock = Clock()
    begun = IdempotencyStore(engine, KEYS, clock).begin("a", "one")
    clock.now += 5
    again = IdempotencyStore(engine, KEYS, clock).begin("a", "one")
    assert isinstance(begun, IdempotencySeed)
    assert again == replace(begun, repeated=True)
    assert begun.uuid("endpoint") != begun.uuid("key")
    assert begun.seed.hex() not in repr(begun)


def test_an_answer_is_kept_for_a_day(engine: Engine) -> None:
    clock = Clock()
    answers = IdempotencyStore(engine, KEYS, clock)
    answers.begin("a", "one")
    answers.keep("a", ANSWER)
    clock.now += RETENTION_MS - 1
    assert answers.begin("a", "one") == ANSWER
    clock.now += 1
    assert isinstance(answers.begin("a", "two"), IdempotencySeed)
