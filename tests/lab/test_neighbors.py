"""One endpoint is flooded, limited or away: it gets what it takes, and others what they take."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.figures import percentile
from lab.neighbors import play
from lab.neighbors_outcome import Outcome
from lab.neighbors_scenes import PLAYS, SHORT
from plaudit.dev.kafka import FoundKafka
from plaudit.kafka.settings import KafkaSettings

pytestmark = [pytest.mark.broker, pytest.mark.e2e]

WORSE = 1.5
BUSY_S = 0.2
"""What the others may wait longer beside a flood, on a machine that does other things, too."""
LOOSE_S = 2.0
"""… and an event in a run of a few seconds, beside other tests."""


@pytest.fixture
def seen(request: pytest.FixtureRequest, kafka: FoundKafka, tmp_path: Path) -> Outcome:
    """The result of the play that the test names."""
    settings = KafkaSettings(bootstrap_servers=kafka.bootstrap)
    outcome = play(settings, tmp_path, request.param)
    assert (outcome.missing(), outcome.repeated()) == (0, 0), outcome.told(0)
    return outcome


@pytest.mark.parametrize("seen", [SHORT["slow"].play], ids=["100 ms"], indirect=True)
def test_a_short_flood_to_a_slow_endpoint_leaves_the_others_alone(seen: Outcome) -> None:
    """Events of the first seconds would wait for most of the flood if they waited for it."""
    flood_s = percentile(seen.took_s("flooded", 3), 0.5)
    for name in ("small", "steady"):
        assert percentile(seen.took_s(name, 3, 5), 0.5) < flood_s, seen.told(0, 3)


@pytest.mark.parametrize("seen", [SHORT["outage"].play], ids=["3 s"], indirect=True)
def test_after_a_short_outage_new_events_are_delivered_soon(seen: Outcome) -> None:
    """One that comes before the endpoint is seen to be back waits for 2 s and a tier of 2 s."""
    assert percentile(seen.took_s("away", 3), 0.5) < LOOSE_S, seen.told(0, 3)
    assert percentile(seen.took_s("away", 3), 0.99) < 5 * LOOSE_S, seen.told(0, 3)


@pytest.mark.nightly
@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("seen", "since_s"),
    [(PLAYS["slow"].play, 45), (PLAYS["slower"].play, 25)],
    ids=["100 ms", "500 ms"],
    indirect=["seen"],
)
def test_a_flood_to_a_slow_endpoint_leaves_the_others_alone(seen: Outcome, since_s: float) -> None:
    """Once it is read: until then the worker is short of CPU (docs/isolation.md, "Floods")."""
    for name in ("small", "steady"):
        for share in (0.5, 0.99):
            alone = percentile(seen.took_s(name, 0, 15), share)
            beside = percentile(seen.took_s(name, since_s), share)
            assert beside <= alone * WORSE + BUSY_S, seen.told(0, 15, since_s)


@pytest.mark.nightly
@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    "seen",
    [PLAYS["limited"].play, PLAYS["unavailable"].play],
    ids=["429 above 50/s", "503 above 50/s"],
    indirect=True,
)
def test_a_limited_endpoint_is_served_at_its_limit(seen: Outcome) -> None:
    assert seen.per_s("limited", 30, 60) >= 45 * 0.97, "less than one hold"
    assert seen.refused("limited") <= 0.1 * len(seen.requests["limited"]), seen.told(0, 30, 60)


@pytest.mark.nightly
@pytest.mark.timeout(600)
@pytest.mark.parametrize("seen", [PLAYS["outage"].play], ids=["83 s"], indirect=True)
def test_after_an_outage_new_events_are_delivered_at_once(seen: Outcome) -> None:
    # One that comes before the endpoint is seen to be back, a fortieth of 83 s later, waits a tier.
    assert percentile(seen.took_s("away", 83), 0.95) < LOOSE_S, seen.told(0, 83, 88)
