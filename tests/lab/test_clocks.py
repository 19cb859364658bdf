"""Workers on machines whose clocks are wrong deliver at once, and retry when it is time."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from lab.running import play
from lab.scenario import Behavior, Crew, Scenario, Subscriber, Traffic
from lab.stage import Place

pytestmark = [pytest.mark.broker, pytest.mark.e2e, pytest.mark.nightly, pytest.mark.timeout(240)]

SKEWED = (sys.executable, str(Path(__file__).with_name("skewed.py")))
SUBSCRIBERS = (Subscriber("good"), Subscriber("flaky", Behavior(fails=1)))
AT_ONCE_MS = 20_000
"""A busy machine takes a while to start a worker; the least skew is three times as much."""


@pytest.mark.parametrize("off_s", [-3_600, -60, 3_600, 259_200])
def test_a_worker_with_a_wrong_clock_delivers_at_once_and_retries_when_it_is_time(
    place: Place, off_s: int
) -> None:
    crew = Crew(program=SKEWED, environment={"LAB_SKEW_S": str(off_s)})
    scenario = Scenario("a wrong clock", Traffic(200, 40), SUBSCRIBERS, (crew,))
    outcome = play(scenario, place)
    # Among them: lost, and attempted before its time.
    assert not outcome.complaints, "\n".join(outcome.complaints)
    accepted = outcome.evidence.accepted
    first = {each.event: each for each in reversed(outcome.evidence.arrivals)}
    late_ms = [first[event].at_ms - each.at_ms for event, each in accepted.items()]
    assert max(late_ms) < AT_ONCE_MS
    [troubles] = outcome.troubles
    assert troubles["clock.skewed"] == 1
