"""Subscribers of the laboratory answer as receivers do: with a tail, a limit, and under load."""

from __future__ import annotations

import statistics
from random import Random

import pytest

from lab.pace import Pace
from lab.scenario import Behavior


def pace(behavior: Behavior) -> Pace:
    """Return a pace whose latencies are the same in every run."""
    return Pace(behavior, Random(7))  # noqa: S311 - latencies, no secrets


def test_latencies_are_spread_around_their_median_with_a_tail() -> None:
    answers = pace(Behavior(after_s=0.1, spread=0.5))
    drawn = [answers.latency_s(0) for _ in range(20_000)]
    cuts = statistics.quantiles(drawn, n=100)
    assert cuts[49] == pytest.approx(0.1, rel=0.05)
    # e to the power of 2.33 standard deviations.
    assert cuts[98] == pytest.approx(0.32, rel=0.15)


def test_without_a_spread_every_answer_has_the_same_duration() -> None:
    assert {pace(Behavior(after_s=2.0)).latency_s(0) for _ in range(10)} == {2.0}


@pytest.mark.parametrize(("beside", "expected_s"), [(0, 0.1), (4, 0.2), (40, 1.1)])
def test_an_endpoint_that_slows_down_answers_later_with_each_open_request(
    beside: int, expected_s: float
) -> None:
    answers = pace(Behavior(after_s=0.1, slows_at=4))
    assert answers.latency_s(beside) == pytest.approx(expected_s)


def test_a_limit_admits_its_rate_and_no_more() -> None:
    limited = pace(Behavior(per_s=50.0, failure=429))
    # 500 requests a second for ten seconds: one second's worth at once, then 50 a second.
    admitted = sum(limited.admits(number / 500) for number in range(5_000))
    assert admitted == pytest.approx(550, abs=2)


def test_a_limit_below_one_a_second_admits_one_request_first() -> None:
    limited = pace(Behavior(per_s=0.5))
    assert [limited.admits(second) for second in (0.0, 1.0, 2.5)] == [True, False, True]
