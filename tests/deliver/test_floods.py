"""An endpoint that gets more than it takes costs the others nothing, and gets all that it takes."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from random import Random

import pytest

from deliver.pipeline import Pipeline
from deliver.world import Behavior, World, endpoint
from plaudit.endpoints.model import Endpoint

FLOODED, SMALL, STEADY = endpoint("flooded"), endpoint("small"), endpoint("steady")
SECONDS = 30.0
WORSE = 1.5
"""How much longer others may take beside a flood …"""
TURN_S = 0.04
"""… and a turn of the event loop, which takes in a batch of each lane or diverts a queue."""


@dataclass
class Varied(Behavior):
    """Answers whose times follow a log-normal distribution around `takes_s`.

    Attributes:
        spread: the standard deviation of the logarithm.
    """

    spread: float = 0.6
    random: Random = field(default_factory=lambda: Random(1))  # noqa: S311 - the same each time

    def next(self, now_s: float) -> Behavior:
        del now_s
        middle_s = self.takes_s or 0.0
        return Behavior(middle_s * self.random.lognormvariate(0, self.spread), self.outcome)


def pipeline() -> Pipeline:
    """Return a worker that two instant endpoints get their events from."""
    made = Pipeline()
    for each, per_s in ((SMALL, 10), (STEADY, 30)):
        made.behaves[each.endpoint_id] = Varied(0.001)
        made.steadily(each, per_s, SECONDS + 2)
    made.time.run(2)
    return made


def flood(made: Pipeline, to: Endpoint, count: int, per_s: float = 2_000) -> None:
    """Publish faster than the endpoint takes it, and no faster than the worker can read."""
    for number in range(0, count, 50):
        made.time.later(number / per_s, partial(made.publish, to, 50))


def assert_others_as_before(made: Pipeline) -> None:
    """Compare the instant endpoints with what they are alone."""
    alone = pipeline()
    alone.time.run(SECONDS)
    for each in (SMALL, STEADY):
        beside, before = made.percentiles(each.endpoint_id), alone.percentiles(each.endpoint_id)
        for now_s, then_s in zip(beside, before, strict=True):
            assert now_s <= then_s * WORSE + TURN_S, each.endpoint_id
        assert len(made.took[each.endpoint_id]) == len(alone.took[each.endpoint_id])


@pytest.mark.parametrize(
    ("behavior", "count"),
    [
        (Varied(0.001), 8_000),
        (Behavior(0.1), 12_000),
        (Varied(0.1), 12_000),
        (Varied(0.5), 4_000),
        (Behavior(1.9), 2_000),
        (Behavior(None), 2_000),
    ],
    ids=["instant", "100 ms", "about 100 ms", "about 500 ms", "2 s", "hanging"],
)
def test_a_flood_to_one_endpoint_costs_the_others_nothing(behavior: Behavior, count: int) -> None:
    made = pipeline()
    made.behaves["flooded"] = behavior
    flood(made, FLOODED, count)
    made.time.run(SECONDS)
    assert_others_as_before(made)


@pytest.mark.parametrize("takes_s", [0.1, 0.5, 1.5])
def test_a_flooded_endpoint_receives_as_many_as_its_answers_and_slots_allow(takes_s: float) -> None:
    made = pipeline()
    made.behaves["flooded"] = Behavior(takes_s)
    flood(made, FLOODED, int(64 / takes_s * SECONDS))
    made.time.run(SECONDS)
    assert len(made.took["flooded"]) >= 0.95 * 64 / takes_s * (SECONDS - takes_s)


def test_floods_to_many_endpoints_of_every_kind_at_once_cost_the_others_nothing() -> None:
    made = pipeline()
    names = [f"flooded{number}" for number in range(60)]
    for number, name in enumerate(names):
        takes_s = (0.03, 0.1, 0.5, 1.5, None)[number % 5]
        made.behaves[name] = Behavior(None) if takes_s is None else Varied(takes_s)
        made.time.later(number / 36, partial(flood, made, endpoint(name), 400, per_s=30))
    made.time.run(SECONDS)
    assert_others_as_before(made)
    quick = [name for name in names if (made.behaves[name].takes_s or 9) < 1]
    assert all(len(made.took[name]) == 400 for name in quick)


def test_a_backlog_is_written_to_tiers_a_few_times_and_no_more() -> None:
    made = pipeline()
    made.behaves["flooded"] = Behavior(0.1)
    flood(made, FLOODED, 12_000)
    made.time.run(SECONDS)
    assert len(made.took["flooded"]) == 12_000
    assert made.writes <= 2.5 * 12_000


def test_a_backlog_is_served_in_order_except_for_early_returns() -> None:
    made = pipeline()
    made.behaves["flooded"] = Behavior(0.5)
    flood(made, FLOODED, 3_000, per_s=200)
    made.time.run(SECONDS)
    published = [at_s - took_s for at_s, took_s in made.took["flooded"]]
    latest, overtaken_s = 0.0, 0.0
    for each in published:
        latest = max(latest, each)
        overtaken_s = max(overtaken_s, latest - each)
    assert len(published) > 2_500
    assert overtaken_s <= 15


def test_a_delivery_that_arrives_while_the_backlog_drains_is_not_queued_behind_it() -> None:
    """The events lane has slots of its own."""
    made = pipeline()
    made.behaves["flooded"] = Behavior(0.1)
    flood(made, FLOODED, 10_000)
    made.time.run(8)
    behind = len(made.took["flooded"])
    assert behind < 9_000
    made.steadily(FLOODED, 5, 5)
    live_s = made.time.now_s
    made.time.run(6)
    live = [took for at_s, took in made.took["flooded"] if at_s - took >= live_s - 0.001]
    assert len(live) == 25
    assert max(live) < 1


def test_however_many_endpoints_are_flooded_reading_stops_for_none_of_them() -> None:
    deliveries = World(serves_all=True)
    everyone = [endpoint(f"bad{number}") for number in range(400)]
    for each in everyone:
        deliveries.behaves[each.endpoint_id] = Behavior(2.0)
    for _ in range(8):
        for each in everyone:
            deliveries.comes(each, 30)
        deliveries.run(0.5)
    assert deliveries.admission.in_hand < 10_000, "more records are not read"
    assert all(len(deliveries.sent[each.endpoint_id]) >= 10 for each in everyone)
