"""A day of a platform: its shape, how it is judged, and a short one that is played."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from lab.day.findings import DayEvidence, Fates, Sample, judge
from lab.day.kinds import ALL, Kind
from lab.day.play import play_day
from lab.day.shape import Endpoint, Shape, Size, Tenant, make
from lab.evidence import Accepted, Arrival, Committed, Evidence, Letter, Line, Waiting
from plaudit.kafka.read.consumer import Partition

SMALL = Size(0.4, workspaces=8, endpoints=60, per_s=50, burst=200)
EVENTS = Partition("events", 0)
TIER = Partition("deliveries.5m", 0)
SECOND = 1_000
OUTCOME = ("delivered", "event")


def kind(name: str) -> Kind:
    """Return a kind of endpoint by name."""
    return next(each for each in ALL if each.name == name)


def day(
    arrivals: list[Arrival], waiting: list[Waiting], letters: list[Letter], read_to: int = 4
) -> DayEvidence:
    """Return a day of four events, a second apart, to an endpoint that answers after 100 ms."""
    tenant = Tenant("t0", "w", (Endpoint(0, kind("100 ms")),), 1.0)
    shape = Shape(SMALL, (tenant,), tenant, tenant, tenant, {"e0": kind("100 ms")})
    accepted = {
        str(number): Accepted("a.b", EVENTS, number, number * SECOND, b"", "w")
        for number in range(4)
    }
    made: Counter[str] = Counter()
    lines = []
    for each in arrivals:
        made[each.event] += 1
        lines.append(Line("e0", each.event, made[each.event], *OUTCOME, each.at_ms, 1, EVENTS))
    evidence = Evidence(
        frozenset(accepted),
        accepted,
        arrivals,
        lines,
        waiting,
        letters,
        (),
        {"e0": frozenset()},
        {},
    )
    places = {EVENTS: Committed(read_to, frozenset()), TIER: Committed(0, frozenset())}
    phases = ((0, "quiet"), (2 * SECOND, "burst"))
    return DayEvidence(shape, evidence, Fates(places), phases, (Sample(0, 0, 0.0, 80.0),), ())


def taken(number: int, wait_ms: int = 10) -> Arrival:
    """Return a request of an event that was answered with 2xx."""
    return Arrival("e0", str(number), number * SECOND + wait_ms, 200, b"", "")


def test_read_events_without_a_result_are_lost_and_waiting_ones_are_not() -> None:
    waiting = [Waiting("e0", "1", 1, 0, TIER, 0, 300 * SECOND)]
    found = judge(day([taken(0)], waiting, [Letter("e0", "2", "exhausted")]))
    fates = found.totals.fates
    assert fates == {"delivered": 1, "waiting": 1, "dead": 1, "lost": 1}
    assert found.lost == ["3 to e0 (100 ms)"]
    assert found.unexpected == {"exhausted, of 100 ms": 1}, "a healthy endpoint has no dead letters"


def test_records_that_no_worker_has_read_yet_are_not_lost() -> None:
    found = judge(day([taken(0), taken(1)], [], [], read_to=2))
    assert found.totals.fates == {"delivered": 2, "unread": 2}
    assert found.complaints() == []


def test_repetitions_and_waits_are_reported_by_phase_and_tenant() -> None:
    again = taken(3, 500)
    arrivals = [taken(0), taken(1), taken(2, 40), taken(3, 40), again]
    found = judge(day(arrivals, [], []))
    assert found.repeats == {"burst": 1}
    assert found.totals.repeated == 1
    assert [(name, count, waits and waits.most) for name, count, waits in found.phases] == [
        ("quiet", 2, 10),
        ("burst", 2, 40),
    ]


def test_a_retry_before_its_time_is_early() -> None:
    first = Arrival("e0", "0", 10, 500, b"", "")
    early = taken(0, 2 * SECOND)
    waiting = [Waiting("e0", "0", 1, 0, TIER, 0, 5 * SECOND)]
    found = judge(day([first, early, taken(1), taken(2), taken(3)], waiting, []))
    assert found.early == [
        "0 to e0: attempt 2 was 3000 ms early",
        "0 to e0: arrived 3000 ms early",
    ], "by the worker's line and by the arrival"


def test_a_day_has_every_kind_of_endpoint_and_the_requested_rate() -> None:
    shape = make(Size())
    endpoints = [each for tenant in shape.tenants for each in tenant.endpoints]
    assert len(shape.tenants) == 200
    assert len(endpoints) == 2_000
    assert {each.kind.name for each in endpoints} == {each.name for each in ALL}
    assert len({each.host for each in endpoints}) == 2_000, "no two share an origin"
    rates = [shape.events_per_s(second) for second in range(3_600)]
    assert sum(rates) / 3_600 * shape.mean_fan_out == pytest.approx(300, rel=0.01)
    assert make(Size()) == shape, "the same day each time"


@pytest.mark.broker
@pytest.mark.e2e
@pytest.mark.nightly
@pytest.mark.timeout(240)
def test_a_short_day_loses_nothing_and_tries_nothing_early(tmp_path: Path) -> None:
    result = play_day(SMALL, tmp_path, brokers=1, workers=1)
    assert not result.complaints, result.report
    fates = result.findings.totals.fates
    assert fates["delivered"] > 0.8 * result.findings.totals.due, result.report
    assert "worker 1" in (tmp_path / "timeline.svg").read_text(), "one more came in the scale-out"
