"""Two releases side by side in the same groups: what one has written the other understands."""

from __future__ import annotations

from collections.abc import Collection

import pytest

from lab.outcome import Outcome
from lab.previous import NoHistory, install
from lab.running import play
from lab.scenario import (
    IN_FLIGHT,
    Behavior,
    Crew,
    Delivered,
    Join,
    Kill,
    Later,
    Leave,
    Scenario,
    Serving,
    Subscriber,
    Traffic,
)
from lab.stage import Place

pytestmark = [pytest.mark.broker, pytest.mark.e2e, pytest.mark.tree, pytest.mark.timeout(240)]

FLAKY = tuple(Subscriber(f"flaky-{number}", Behavior(fails=1)) for number in range(3))
CURRENT = Crew()


@pytest.fixture(scope="session")
def former(tmp_path_factory: pytest.TempPathFactory) -> Crew:
    """Workers of the previous release."""
    try:
        return Crew(program=(str(install(tmp_path_factory.mktemp("previous"))),))
    except NoHistory as error:
        pytest.skip(f"no history to build the previous release from: {error}")


def retried_by_others(outcome: Outcome, firsts: Collection[int], seconds: Collection[int]) -> int:
    """Return how many deliveries had their first attempt by some workers, the second by others."""
    first = {
        (line.subscriber, line.event)
        for line in outcome.evidence.lines
        if line.number == 1 and line.worker in firsts
    }
    return sum(
        line.number == 2 and line.worker in seconds and (line.subscriber, line.event) in first
        for line in outcome.evidence.lines
    )


@pytest.mark.parametrize(
    "upgrade",
    [
        pytest.param(True, id="upgrade"),
        pytest.param(False, id="downgrade", marks=pytest.mark.nightly),
    ],
)
def test_another_release_joins_and_takes_over_and_nothing_is_lost(
    place: Place, former: Crew, *, upgrade: bool
) -> None:
    before, after = (former, CURRENT) if upgrade else (CURRENT, former)
    steps = (
        # In the deliveries lane it is a member like the others. In the events lane it waits until
        # the last of them has left: they use another assignor.
        (Delivered(30), Join(after)),
        (Later(6), Kill(0)),
        # What the killed one has committed, bitmap and all, tells the others where to begin.
        (Later(2), Leave(1)),
        (Serving(2, 1), Join(after)),
        (Serving(3, 1), Leave(2)),
    )
    scenario = Scenario(
        "two releases",
        Traffic(300, 30),
        (Subscriber("good"), *FLAKY),
        (before, before),
        steps,
        repetitions=IN_FLIGHT * (1 + len(FLAKY)),
    )
    outcome = play(scenario, place)
    assert not outcome.complaints, "\n".join(outcome.complaints)
    old = [worker.process.pid for worker in outcome.workers if worker.crew is before]
    new = [worker.process.pid for worker in outcome.workers if worker.crew is after]
    assert retried_by_others(outcome, old, new), "retries were handed on"
    if upgrade:
        [waited] = [each for each in outcome.told[2] if "group.refused" in each]
        assert "stop all of them; this one joins when the last has left" in waited
