"""Event topics get partitions while events are published and delivered."""

from __future__ import annotations

import pytest

from lab.running import play
from lab.scenario import (
    APPROVED,
    IN_FLIGHT,
    AllServing,
    Behavior,
    Grow,
    Join,
    Later,
    Scenario,
    Subscriber,
    Traffic,
)
from lab.stage import Place
from plaudit.events.catalogue import CATALOGUE
from plaudit.kafka.write.config import REFRESH_METADATA_MS
from plaudit.records.names import Names

pytestmark = [pytest.mark.broker, pytest.mark.e2e, pytest.mark.nightly, pytest.mark.timeout(300)]

FLAKY = Behavior(fails=1)
BEFORE, AFTER = 4, 12


def test_an_event_topic_with_added_partitions_loses_nothing(place: Place) -> None:
    topic = Names("").event_topic(CATALOGUE[APPROVED].entity)
    steps = (
        (AllServing(1), Grow(topic, AFTER)),
        # Workers and publishers find the new partitions by themselves, within their refresh.
        (Later(REFRESH_METADATA_MS / 1_000 + 5), Join()),
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
    accepted = outcome.evidence.accepted.values()
    grown_ms = next(at_ms for at_ms, what in outcome.marks if what == "grow")
    moved = [each for each in accepted if each.partition.number >= BEFORE]
    assert moved, "publishers use the new partitions"
    print(
        f"{len(accepted)} events, {len(moved)} of them in new partitions, from "
        f"{(min(each.at_ms for each in moved) - grown_ms) / 1_000:.1f} s after they were there; "
        f"waits {outcome.ledger.waits}; repeated {outcome.ledger.doubled}"
    )
