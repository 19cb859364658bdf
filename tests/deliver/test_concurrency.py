"""An endpoint that slows down with its load gets as many requests at once as it takes best."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import pytest

from deliver.pipeline import Pipeline
from deliver.world import Behavior, endpoint
from plaudit.deliver.isolation.concurrency import Concurrency

STRAINED = endpoint("strained")


@dataclass
class Strained(Behavior):
    """Takes longer from a number of requests at once on.

    Attributes:
        best: requests at once that it answers as fast as one.
        power: 1: as many answers come with more; 2: the more requests, the fewer answers.
    """

    best: int = 16
    power: float = 2.0
    open: int = 0

    def next(self, now_s: float) -> Behavior:
        del now_s
        self.open += 1
        longer = max(1.0, self.open / self.best) ** self.power
        return Behavior((self.takes_s or 0) * longer, self.outcome)

    def ended(self, now_s: float) -> None:
        del now_s
        self.open -= 1


def served(behavior: Behavior, seconds: float, per_s: float = 300) -> Pipeline:
    """Return a worker that had more for an endpoint than that takes."""
    made = Pipeline()
    made.behaves["strained"] = behavior
    for number in range(int(per_s * seconds / 50)):
        made.time.later(number * 50 / per_s, partial(made.publish, STRAINED, 50))
    made.time.run(seconds)
    return made


def at_once(made: Pipeline) -> int:
    """Return how many requests it gets at once from each lane."""
    concurrency = made.deliveries.admission.queues.states["strained"].health.concurrency
    assert concurrency is not None
    return concurrency.at_once


def test_an_overloaded_endpoint_is_sent_fewer_requests_and_answers_more() -> None:
    made = served(Strained(0.1), 90)
    rate = sum(at_s >= 1_060 for at_s, _ in made.took["strained"]) / 30
    # 128 at once would be answered in 6.4 s: 20 a second. 16 are answered in 0.1 s.
    assert rate >= 0.6 * 160
    assert at_once(made) <= 32


def test_an_endpoint_whose_rate_does_not_grow_with_concurrency_is_sent_less() -> None:
    made = served(Strained(0.05, power=1), 60, per_s=500)
    rate = sum(at_s >= 1_030 for at_s, _ in made.took["strained"]) / 30
    assert rate >= 0.85 * 16 / 0.05
    assert at_once(made) <= 32


def settled(concurrency: Concurrency, per_s: float, takes_s: float, seconds: float) -> float:
    """Let answers come for a while; return the moment after it."""
    for number in range(int(per_s * seconds)):
        concurrency.answered(takes_s, takes_s, number / per_s)
    return seconds


@pytest.mark.parametrize("takes_s", [0.1, 0.5, 1.5])
def test_answers_that_take_the_same_time_are_never_a_reason_for_a_trial(takes_s: float) -> None:
    concurrency = Concurrency(64, 0)
    settled(concurrency, 64 / takes_s, takes_s, 60)
    assert concurrency.at_once == 64


def test_a_trial_with_fewer_answers_is_reverted_and_the_next_one_is_far_away() -> None:
    concurrency, now_s, seen = Concurrency(64, 0), 0.0, []
    while now_s < 300:
        now_s += 0.1 / concurrency.at_once
        concurrency.answered(0.1, 0.01, now_s)
        seen.append((now_s, concurrency.at_once))
    tried = sum(at_once == 32 for _, at_once in seen) / len(seen)
    assert {at_once for _, at_once in seen} == {64, 32}
    assert tried < 0.05


def test_an_endpoint_that_accepts_more_again_is_sent_more() -> None:
    concurrency, now_s = Concurrency(64, 0), 0.0
    while now_s < 40:
        takes_s = 0.02 * concurrency.at_once
        now_s += takes_s / concurrency.at_once
        concurrency.answered(takes_s, 0.02, now_s)
    assert concurrency.at_once <= 8
    while now_s < 400:
        now_s += 0.02 / concurrency.at_once
        concurrency.answered(0.02, 0.02, now_s)
    assert concurrency.at_once == 64
