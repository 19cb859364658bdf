"""Brokers are lost, stopped and back, and leaders move, in the middle of everything."""

from __future__ import annotations

import pytest

from lab.running import play
from lab.scenario import (
    FOREVER,
    UNCOUNTED,
    Behavior,
    Delivered,
    FillDisk,
    Join,
    Kill,
    Later,
    Scenario,
    StartBrokers,
    StopBroker,
    Subscriber,
    Traffic,
)
from lab.stage import Place

pytestmark = [pytest.mark.broker, pytest.mark.e2e, pytest.mark.timeout(240)]

SUBSCRIBERS = (
    Subscriber("good"),
    Subscriber("flaky", Behavior(fails=1)),
    Subscriber("dead", Behavior(fails=FOREVER)),
)


def test_dead_full_or_stopped_brokers_and_moving_leaders_lose_nothing(
    cluster_place: Place,
) -> None:
    steps = (
        (Delivered(100), FillDisk(1)),
        (Later(5), StartBrokers()),
        # Its leaders and coordinators move to the others in order, and back when it has returned.
        (Later(2), StopBroker(2)),
        (Later(2), StartBrokers()),
        # A worker dies while the others still find their places again.
        (Later(3), Kill(0)),
        (Later(0), Join()),
    )
    scenario = Scenario(
        "broker losses",
        Traffic(400, 20),
        SUBSCRIBERS,
        steps=steps,
        within_s=150,
        repetitions=UNCOUNTED,
    )
    outcome = play(scenario, cluster_place)
    assert not outcome.complaints, "\n".join(outcome.complaints)
    for number, troubles in enumerate(outcome.troubles):
        assert troubles.total() < 60, f"worker {number}: {troubles}"
