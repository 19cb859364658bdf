"""An endpoint that refuses what comes too fast gets what it takes, and hardly more."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from deliver.pipeline import Pipeline
from deliver.world import Behavior, World, answer, endpoint
from plaudit.deliver.isolation.allowance import Allowance
from plaudit.transport.answer import Answer

LIMITED, GOOD = endpoint("limited"), endpoint("good")
REFUSAL = answer(429, retry_after="2")


@dataclass
class Windows(Behavior):
    """A limit for each second, counted from each full second.

    Attributes:
        per_s: what it takes.
        refusal: what others get.
    """

    per_s: float = 50
    refusal: Answer = field(default_factory=lambda: REFUSAL)
    window: int = 0
    taken: int = 0

    def next(self, now_s: float) -> Behavior:
        if int(now_s) != self.window:
            self.window, self.taken = int(now_s), 0
        self.taken += 1
        fits = self.taken <= self.per_s
        return Behavior(self.takes_s, self.outcome if fits else self.refusal)


@dataclass
class Bucket(Windows):
    """A limit on average, and one for requests at once.

    Attributes:
        holds: as many tokens.
    """

    holds: float = 50
    tokens: float = 50
    seen_s: float = 0

    def next(self, now_s: float) -> Behavior:
        self.tokens = min(self.holds, self.tokens + (now_s - self.seen_s) * self.per_s)
        self.seen_s = now_s
        if self.tokens < 1:
            return Behavior(self.takes_s, self.refusal)
        self.tokens -= 1
        return Behavior(self.takes_s, self.outcome)


def served(behavior: Behavior, waiting: int, seconds: float) -> tuple[Pipeline, list[float]]:
    """Return what came of a backlog, and when each of it was delivered, from its beginning."""
    made = Pipeline()
    made.behaves["limited"] = behavior
    began_s = made.time.now_s
    made.publish(LIMITED, waiting)
    made.time.run(seconds)
    return made, [at_s - began_s for at_s, _ in made.took["limited"]]


@pytest.mark.parametrize(
    "behavior",
    [
        Windows(0.02),
        Windows(0.2),
        Bucket(0.05),
        Bucket(0.05, holds=200, tokens=200),
        Windows(0.05, refusal=answer(503, retry_after="2")),
        Windows(0.05, refusal=answer(429)),
    ],
    ids=["windows", "slow", "bucket", "large bucket", "503", "no Retry-After"],
)
def test_a_backlog_is_served_at_nine_tenths_of_the_limit_with_few_refusals(
    behavior: Windows,
) -> None:
    made, times = served(behavior, 6_000, 91)
    after_a_minute = sum(60 <= at_s < 90 for at_s in times)
    assert after_a_minute >= 45 * 30 * 0.97, "less than one hold"
    assert len([at_s for at_s in times if at_s < 60]) >= 0.75 * 50 * 60, "it has to be learnt"
    assert made.refused["limited"] <= 0.1 * len(times)


def test_a_refusal_for_the_pace_does_not_use_up_an_attempt() -> None:
    made, _ = served(Windows(0.05), 2_000, 60)
    assert made.refused["limited"] > 50
    assert sum(count for attempts, count in made.attempts.items() if attempts) <= 80
    assert max(made.attempts) <= 1


def test_the_oldest_are_served_first_where_an_endpoint_refuses() -> None:
    made = Pipeline()
    made.behaves["limited"] = Windows(0.05)
    made.steadily(LIMITED, 100, 40)
    made.time.run(90)
    latest_s, overtaken_s = 0.0, []
    for at_s, took_s in made.took["limited"]:
        published_s = at_s - took_s
        latest_s = max(latest_s, published_s)
        overtaken_s.append(latest_s - published_s)
    assert len(overtaken_s) >= 3_500
    assert sorted(overtaken_s)[int(len(overtaken_s) * 0.99)] <= 1
    assert max(overtaken_s) <= 10


def test_refusals_open_no_circuit() -> None:
    world = World(serves_all=True)
    world.behaves["limited"] = Behavior(0.01, REFUSAL)
    world.steadily(LIMITED, 50, 20)
    world.run(20)
    assert not any(each.open for each in world.admission.queues.known_health)
    assert len(world.sent["limited"]) < 64 + 20, "and few requests are sent in vain"


def test_the_events_lane_leaves_an_endpoint_that_refuses_to_the_deliveries_lane() -> None:
    world = World(serves_all=False)
    world.behaves["limited"] = Behavior(0.01, answer(429))
    world.comes(LIMITED)
    world.run(1.5)
    world.comes(LIMITED, 10)
    assert world.reasons("limited") == {"throttled": 10}


def test_an_endpoint_that_accepts_more_again_is_sent_more_and_finally_everything() -> None:
    made = Pipeline()
    made.behaves["limited"] = Windows(0.02, per_s=20)
    made.steadily(LIMITED, 40, 240)
    made.time.run(60)
    made.behaves["limited"] = Behavior(0.02)
    made.time.run(180)
    live = [took for at_s, took in made.took["limited"] if at_s - took > 1_235]
    assert len(live) > 100
    assert max(live) < 1


def test_a_refusing_endpoint_does_not_affect_others() -> None:
    made = Pipeline()
    made.behaves["limited"] = Windows(0.02)
    made.behaves["good"] = Behavior(0.001)
    made.steadily(GOOD, 30, 30)
    made.steadily(LIMITED, 200, 30)
    made.time.run(31)
    assert len(made.took["good"]) == 900
    assert made.percentiles("good")[1] < 0.05


def test_requests_in_flight_together_are_one_refusal() -> None:
    allowance = Allowance(0)
    for _ in range(100):
        allowance.delivered(0.5)
    assert allowance.refused(0.4, 2.0, 1.0) == 2.0
    learnt = allowance.per_s(3.0)
    for _ in range(10):
        allowance.refused(0.9, 2.0, 1.1)
    assert allowance.per_s(3.0) == learnt


def test_consecutive_refusals_are_retried_ever_less_often() -> None:
    allowance, now_s, holds = Allowance(0), 0.0, []
    for _ in range(12):
        holds.append(allowance.refused(now_s, 0.0, now_s + 0.01))
        now_s += holds[-1] + 0.02
    assert holds == sorted(holds)
    assert holds[-1] == 300


def test_after_a_retry_after_an_endpoint_is_served_again_at_a_pace() -> None:
    deliveries = World(serves_all=True)
    deliveries.behaves["limited"] = Behavior(0.01, answer(429, retry_after="120"))
    deliveries.comes(LIMITED)
    deliveries.run(121)
    deliveries.behaves["limited"] = Behavior()
    deliveries.comes(LIMITED, 10)
    assert len(deliveries.sent["limited"]) == 2, "the first goes alone"
    deliveries.run(3)
    assert len(deliveries.sent["limited"]) == 11
