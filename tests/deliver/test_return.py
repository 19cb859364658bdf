"""The return of an endpoint: in both lanes, new events at once."""

from __future__ import annotations

from functools import partial

import pytest

from deliver.pipeline import Pipeline
from deliver.world import Behavior, World, answer, endpoint
from plaudit.deliver.isolation.health_registry import HealthRegistry
from plaudit.transport.errors import ConnectFailed, TransportError

BAD, GOOD = endpoint("bad"), endpoint("good")
OUTAGE_S = 83.0


def after_an_outage(outcome: Behavior, seconds: float, per_s: float = 100) -> Pipeline:
    """Return a worker whose endpoint was away and has just come back; events keep coming."""
    made = Pipeline()
    made.behaves["bad"] = Behavior(0.02)
    made.steadily(BAD, per_s, 10 + seconds + 60)
    made.time.run(10)
    made.behaves["bad"] = outcome
    made.time.run(seconds)
    made.behaves["bad"] = Behavior(0.02)
    return made


@pytest.mark.parametrize("error", [answer(503), ConnectFailed()], ids=["503", "connection refused"])
def test_after_an_outage_new_events_wait_two_seconds_and_the_backlog_as_long_as_the_outage(
    error: TransportError,
) -> None:
    made = after_an_outage(Behavior(0.02, error), OUTAGE_S, per_s=50)
    back_s = made.time.now_s
    made.time.run(60)
    made.time.run(OUTAGE_S)
    new = [took for at_s, took in made.took["bad"] if at_s - took > back_s]
    assert sorted(new)[int(len(new) * 0.97)] < 2, "one who comes before it is seen to be back waits"
    probes = OUTAGE_S / 2 + 12
    assert len(made.took["bad"]) >= 50 * (10 + OUTAGE_S + 60) - probes, "those are retried later"


def test_a_recovery_is_noticed_within_a_fortieth_of_the_outage() -> None:
    for seconds in (20.0, 200.0, 2_000.0):
        world = World(serves_all=True)
        world.behaves["bad"] = Behavior(0.01, ConnectFailed())
        world.steadily(BAD, 5, seconds + 60)
        world.run(seconds)
        back_s = world.now_s
        world.behaves["bad"] = Behavior()
        world.run(60)
        first_s = next(at_s for at_s in world.sent["bad"] if at_s >= back_s)
        assert first_s - back_s <= max(2.5, seconds / 40 + 0.5)


def test_the_lanes_share_what_they_learn_about_an_endpoint_at_once() -> None:
    known = HealthRegistry()
    events = World(serves_all=False, health_registry=known)
    deliveries = World(serves_all=True, health_registry=known, time=events.time)
    events.behaves["bad"] = deliveries.behaves["bad"] = Behavior(0.01, answer(500))
    events.comes(BAD, 20)
    events.run(1)
    deliveries.comes(BAD)
    assert not deliveries.sent["bad"], "the other lane has seen it fail"
    events.run(3)
    deliveries.behaves["bad"] = events.behaves["bad"] = Behavior()
    deliveries.comes(BAD)
    events.run(0.1)
    events.comes(BAD)
    assert len(events.sent["bad"]) == 21, "the other lane has seen it work"


def test_a_recovered_endpoint_is_sent_four_requests_at_first_and_then_more() -> None:
    world = World(serves_all=True)
    world.behaves["bad"] = Behavior(0.01, ConnectFailed())
    world.comes(BAD, 20)
    world.run(3)
    world.behaves["bad"] = Behavior(0.1)
    world.comes(BAD)
    world.run(0.2)
    begun, at_once = len(world.sent["bad"]), []
    world.comes(BAD, 1_000)
    for _ in range(6):
        at_once.append(len(world.sent["bad"]) - begun)
        begun = len(world.sent["bad"])
        world.run(0.1001)
    assert at_once == [4, 8, 16, 32, 64, 64]


def test_a_refused_delivery_waits_for_the_rest_of_the_open_time() -> None:
    world = World(serves_all=True)
    world.behaves["bad"] = Behavior(0.01, ConnectFailed())
    world.steadily(BAD, 10, 400)
    world.run(400)
    waits = [each.wait_s for each in world.diverted["bad"][-40:]]
    assert all(0 <= each <= 10 for each in waits)
    assert len(set(waits)) > 20, "each for less than the one before"


def test_a_newer_version_begins_with_a_clean_slate_in_both_lanes() -> None:
    known = HealthRegistry()
    lanes = [World(serves_all=each, health_registry=known) for each in (False, True)]
    for lane in lanes:
        lane.behaves["bad"] = Behavior(0.01, answer(500))
        lane.comes(BAD, 20)
        lane.run(0.5)
        lane.behaves["bad"] = Behavior()
    newer = endpoint("bad", version=2)
    for lane in lanes:
        before = len(lane.sent["bad"])
        lane.comes(newer)
        assert len(lane.sent["bad"]) == before + 1


def test_live_events_are_not_behind_the_backlog_of_an_outage() -> None:
    made = after_an_outage(Behavior(0.02, answer(503)), 40, per_s=10)
    for number in range(4_000):
        made.time.later(number / 2_000, partial(made.publish, BAD))
    made.behaves["bad"] = Behavior(0.5)
    made.time.run(10)
    live_s = made.time.now_s
    made.time.run(20)
    live = sorted(took for at_s, took in made.took["bad"] if at_s - took >= live_s)
    assert live[len(live) // 2] < 3
