"""A broker that dies, with the brokers' own settings: for how long nothing is delivered."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from conftest import apply_topics
from lab.conftest import SCHEDULE
from lab.day.installation import KAFKA_DEFAULTS
from lab.outcome import Outcome
from lab.running import play
from lab.scenario import (
    UNCOUNTED,
    AllServing,
    Crew,
    KillLeader,
    Later,
    Scenario,
    StartBrokers,
    Subscriber,
    Traffic,
)
from lab.stage import Place
from plaudit.dev.kafka import LocalKafka
from plaudit.dev.kafka_errors import KafkaNotFound
from plaudit.kafka.settings import KafkaSettings

# It measures, so nothing else may run beside it.
pytestmark = [pytest.mark.broker, pytest.mark.e2e, pytest.mark.nightly, pytest.mark.timeout(300)]

SUBSCRIBERS = tuple(Subscriber(f"good-{number}") for number in range(6))


@pytest.fixture
def default_place(prefix: str, tmp_path: Path) -> Iterator[Place]:
    """Three brokers with Kafka's own values."""
    try:
        cluster = LocalKafka(nodes=3, overrides=KAFKA_DEFAULTS)
    except KafkaNotFound as error:
        pytest.skip(f"no local Kafka: {error}")
    with cluster:
        settings = KafkaSettings(
            bootstrap_servers=cluster.bootstrap, topic_prefix=prefix, retry_schedule=SCHEDULE
        )
        apply_topics(settings, single_node=False)
        yield Place(settings, tmp_path, cluster)


# Until the brokers give up the dead one (7 to 11 s), no write is acknowledged. With 6 s, members
# lose their session before that. They join anew, and the new coordinator waits for them as it knew
# them: 6 s more. The rest, 3 s, is for a busy machine.
@pytest.mark.parametrize(("session_ms", "longer_s"), [(6_000, 9.0), (12_000, 3.0)])
def test_deliveries_pause_little_longer_than_the_brokers_need_to_fence_one(
    default_place: Place, session_ms: int, longer_s: float
) -> None:
    crew = Crew(environment={"PLAUDIT_KAFKA_SESSION_TIMEOUT_MS": str(session_ms)})
    scenario = Scenario(
        "the busiest of three brokers dies",
        Traffic(900, 20),
        SUBSCRIBERS,
        (crew, crew),
        steps=((AllServing(5), KillLeader()), (Later(30), StartBrokers())),
        within_s=180,
        repetitions=UNCOUNTED,
    )
    outcome = play(scenario, default_place)
    accepted_s = longest_s(each.at_ms for each in outcome.evidence.accepted.values())
    paused_s = longest_s(each.at_ms for each in outcome.evidence.arrivals)
    told = "\n".join([f"accepted nothing: {accepted_s:.1f} s", *story(outcome)])
    print(f"delivered nothing: {paused_s:.1f} s\n{told}")
    assert not outcome.complaints, "\n".join(outcome.complaints)
    assert paused_s < accepted_s + longer_s, told


def longest_s(moments: Iterable[int]) -> float:
    """Return the longest time without a moment, in seconds."""
    return max(after - before for before, after in pairwise(sorted(moments))) / 1_000


def story(outcome: Outcome) -> Iterator[str]:
    """Yield what happened when, in seconds after the broker's death, and what the workers wrote."""
    died_ms = next(at_ms for at_ms, text in outcome.marks if text == "killleader")
    for what, moments in (
        ("accepted", [each.at_ms for each in outcome.evidence.accepted.values()]),
        ("arrived", [each.at_ms for each in outcome.evidence.arrivals]),
    ):
        for before, after in pairwise(sorted(moments)):
            if after - before > 1_000:
                since, until = (before - died_ms) / 1_000, (after - died_ms) / 1_000
                yield f"nothing {what} from {since:.1f} to {until:.1f} s"
    for number, lines in enumerate(outcome.told):
        yield from (f"worker {number}: {line}" for line in lines)
