"""Event topics get partitions while events are published and delivered."""

from __future__ import annotations

import pytest

from lab.running import play
from lab.scenario import (
    APPROVED,
    IN_FLIGHT,
    AllServing,
    Behavior,
    Delivered,
    Grow,
    Join,
    Later,
    Scenario,
    Subscriber,
    Traffic,
)
from lab.stage import Place
from plaudit.events.catalogue import CATALOGUE
from plaudit.records.names import Names

pytestmark = [pytest.mark.broker, pytest.mark.e2e, pytest.mark.nightly, pytest.mark.timeout(300)]

FLAKY = Behavior(fails=1)
BEFORE, AFTER = 4, 12


def test_an_event_topic_that_gets_partitions_loses_nothing(place: Place) -> None:
    topic = Names("").event_topic(CATALOGUE[APPROVED].entity)
    steps = (
        (AllServing(1), Grow(topic, AFTER)),
        # Workers and publishers find the new partitions by themselves, within seconds.
        (Delivered(300), Join()),
        (Later(5), Grow(topic, AFTER + 1)),
    )
    scenario = Scenario(
        "more partitions",
        Traffic(600, 30),
        (Subscriber("good"), Subscriber("flaky", FLAKY)),
        steps=steps,
        within_s=180,
        repetitions=IN_FLIGHT * 2,
    )
    outcome = play(scenario, place)
    assert not outcome.complaints, "\n".join(outcome.complaints)
    used = {each.partition.number for each in outcome.evidence.accepted.values()}
    assert max(used) >= BEFORE, "publishers use the new partitions"
