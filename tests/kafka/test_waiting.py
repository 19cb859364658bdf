"""Questions that are repeated until a deadline."""

from __future__ import annotations

import pytest

from plaudit.kafka import waiting
from plaudit.kafka.waiting import ask_until


class Clock:
    """A clock that only moves while a caller sleeps."""

    def __init__(self) -> None:
        self.now_s = 100.0
        self.pauses: list[float] = []

    def monotonic(self) -> float:
        return self.now_s

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now_s += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """A clock for the module."""
    made = Clock()
    monkeypatch.setattr(waiting, "time", made)
    return made


def test_the_first_answer_that_is_enough_is_returned_without_a_pause(clock: Clock) -> None:
    assert ask_until(lambda: "yes", 10) == "yes"
    assert clock.pauses == []


def test_a_question_is_repeated_until_an_answer_is_enough(clock: Clock) -> None:
    answers = iter([3, 2, 1, 0])
    assert ask_until(lambda: next(answers), 10, every_s=0.5, enough=lambda left: left == 1) == 1
    assert clock.pauses == [0.5, 0.5]


def test_the_last_question_is_asked_at_the_deadline_and_its_answer_returned(clock: Clock) -> None:
    asked: list[float] = []
    assert ask_until(lambda: asked.append(clock.now_s), 1, every_s=0.75) is None
    assert asked == [100.0, 100.75, 101.0]
