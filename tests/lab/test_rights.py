"""Rights and passwords that are taken away and given back: work waits, and resumes by itself."""

from __future__ import annotations

import pytest

from e2e.rig import Rig
from lab.guarded import PASSWORD, GuardedKafka
from lab.running import play
from lab.scenario import (
    UNCOUNTED,
    Behavior,
    Crew,
    Delivered,
    GiveBack,
    Later,
    Right,
    Scenario,
    SetPassword,
    Step,
    Subscriber,
    TakeAway,
    Traffic,
)
from lab.stage import Place
from waiting import PROMPTLY_S

pytestmark = [pytest.mark.broker, pytest.mark.e2e, pytest.mark.timeout(240)]

SUBSCRIBERS = (Subscriber("good"), Subscriber("flaky", Behavior(fails=1)))
WRITE = (Right("topic", "deliveries.1s", "write"), Right("topic", "attempts", "write"))
READ = (Right("topic", "testimonials", "read"), Right("topic", "deliveries.1s", "read"))
JOIN = (Right("group", "deliver.events", "read"), Right("group", "deliver.deliveries", "read"))


def run(place: Place, *steps: Step) -> list[str]:
    """Let a worker live through troubles; nothing may be lost, and it may not end.

    Returns:
        What its warnings and errors say.
    """
    scenario = Scenario(
        "rights", Traffic(300, 25), SUBSCRIBERS, (Crew(),), steps, repetitions=UNCOUNTED
    )
    outcome = play(scenario, place)
    assert not outcome.complaints, "\n".join(outcome.complaints)
    [told] = outcome.told
    return told


def test_rights_that_are_missing_for_a_while_cost_time_and_are_logged_by_name_once(
    guarded_place: Place,
) -> None:
    told = run(
        guarded_place,
        # Without the log nothing is settled, and so nothing begun.
        (Delivered(30), TakeAway(WRITE[:1])),
        (Later(2), TakeAway(WRITE[1:])),
        (Later(2), GiveBack(WRITE)),
        (Later(1), TakeAway(READ)),
        (Later(2), GiveBack(READ)),
        # Members whose heartbeats are refused lose their place after 6 s, and can't come back.
        (Later(1), TakeAway(JOIN)),
        (Later(8), GiveBack(JOIN)),
    )
    refused = [each for each in told if "not allowed" in each]
    for doing in (
        *(f"publish to {guarded_place.settings.topic_prefix}{right.name}" for right in WRITE),
        *(f"read {guarded_place.settings.topic_prefix}{right.name}" for right in READ),
        *(f"as group {guarded_place.settings.topic_prefix}{right.name}" for right in JOIN),
    ):
        # Twice at most: what was on its way while rights were given back is told again.
        assert 0 < sum(doing in each for each in refused) <= 2, f"{doing}: {told}"
    assert len(told) <= 20, told


def test_a_password_that_is_wrong_for_a_while_costs_time_and_a_few_lines(
    guarded_place: Place,
) -> None:
    told = run(
        guarded_place, (Delivered(60), SetPassword("another")), (Later(4), SetPassword(PASSWORD))
    )
    assert any("AUTHENTICATION" in each for each in told), told
    # Of each lane its place, its reads and two kinds of commits; of two tables two; all wait: one.
    assert len(told) <= 2 * 4 + 2 * 2 + 1, told


@pytest.mark.parametrize("right", [WRITE[1], JOIN[0]], ids=str)
def test_a_worker_without_a_permission_at_its_start_names_it_and_exits(
    guarded_kafka: GuardedKafka, guarded_place: Place, right: Right
) -> None:
    settings = guarded_place.settings
    guarded_kafka.take_away(right, settings.topic_prefix)
    with Rig(settings, guarded_place.folder) as rig:
        worker = rig.worker(**guarded_place.environment)
        assert worker.wait(PROMPTLY_S) == 1
        last = rig.log().read_text().splitlines()[-1]
    assert "not allowed" in last
    assert settings.topic_prefix + right.name in last
