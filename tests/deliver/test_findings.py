"""Workers share their findings about an endpoint; a wrong finding delays little."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from deliver.world import LOOK_S, Behavior, Time, World, answer, endpoint
from plaudit.deliver.health_exchange import finding_of
from plaudit.deliver.isolation.findings import KEPT_S, TRUSTED_S, Finding
from plaudit.deliver.isolation.health_registry import HealthRegistry
from plaudit.deliver.model.decision import Reason
from plaudit.records.health import HealthRecord, RecordError, encode_health
from plaudit.transport.errors import ConnectFailed

BAD = endpoint("bad")
DOWN = Behavior(0.01, ConnectFailed())


class Workers:
    """Workers that tell each other twice a second what they have found out.

    Attributes:
        time: that passes for all.
        lanes: one lane of each worker, the first of which owns every endpoint.
        published: findings so far.
    """

    def __init__(self, *, owners: int = 0, others: int = 2) -> None:
        self.time = Time()
        self.published: list[Finding] = []
        self.known = [HealthRegistry() for _ in range(owners + others)]
        self.lanes = [
            World(serves_all=number < owners, time=self.time, health_registry=known)
            for number, known in enumerate(self.known)
        ]
        self._tell()

    def behave(self, behavior: Behavior) -> None:
        """Let the endpoint behave so for every worker."""
        for lane in self.lanes:
            lane.behaves["bad"] = behavior

    def receive(self, finding: Finding, age_s: float = 0.0) -> None:
        """Let every worker hear a finding."""
        for known in self.known:
            known.receive(finding, age_s, self.time.now_s)

    def _tell(self) -> None:
        for number, known in enumerate(self.known):
            for finding in known.findings(self.time.now_s, _owns(self.lanes[number])):
                self.published.append(finding)
                for other in self.known:
                    if other is not known:
                        other.receive(finding, 0.1, self.time.now_s)
        self.time.later(LOOK_S, self._tell)


def _owns(lane: World) -> Callable[[str], bool]:
    def owns(endpoint_id: str) -> bool:
        state = lane.admission.queues.states.get(endpoint_id)
        return state is not None and state.rate_limiter is not None

    return owns


def fails(open_s: float, failing_s: float = 10.0, version: int = 1) -> Finding:
    """Return the finding that the endpoint fails."""
    return Finding("bad", version, failing_s, open_s, 0.0, paced=False, per_s=None)


def test_an_endpoint_that_fails_for_one_worker_costs_the_others_no_attempt() -> None:
    workers = Workers()
    one, other = workers.lanes
    workers.behave(DOWN)
    one.comes(BAD, 20)
    workers.time.run(1)
    other.comes(BAD, 20)
    assert not other.sent["bad"]
    assert other.reasons("bad") == {Reason.CIRCUIT_OPEN: 20}


def test_an_endpoint_that_works_for_one_worker_is_probed_by_the_others_at_once() -> None:
    workers = Workers()
    one, other = workers.lanes
    workers.behave(DOWN)
    one.steadily(BAD, 10, 2_100)
    # It makes its probes at other times.
    workers.time.run(137)
    other.steadily(BAD, 10, 2_100 - 137)
    workers.time.run(2_000 - 137)
    workers.behave(Behavior())
    workers.time.run(60)
    firsts = [next(at_s for at_s in each.sent["bad"] if at_s > 3_000) for each in (one, other)]
    assert max(firsts) - min(firsts) <= 2 * LOOK_S + 0.2, "each alone needs up to 50 s"


def test_a_worker_without_network_does_not_stop_the_endpoints_of_the_others() -> None:
    workers = Workers()
    broken, is_untroubled = workers.lanes
    broken.behaves["bad"] = DOWN
    for lane in workers.lanes:
        lane.steadily(BAD, 5, 600)
    workers.time.run(601)
    assert is_untroubled.delivered["bad"] == 5 * 600
    # Each time another worker refutes it, the broken one makes a probe: that may not be often.
    assert len(broken.sent["bad"]) < 140, "alone it makes 130 attempts"


def test_a_worker_without_network_delays_the_rare_events_of_the_others_once() -> None:
    workers = Workers()
    broken, is_untroubled = workers.lanes
    broken.behaves["bad"] = DOWN
    broken.steadily(BAD, 5, 1_800)
    for minute in range(30):
        workers.time.later(60 * minute + 1.2, lambda: is_untroubled.comes(BAD))
    workers.time.run(1_801)
    assert len(is_untroubled.diverted["bad"]) <= 1_800 / KEPT_S
    assert is_untroubled.delivered["bad"] >= 30 - 1_800 / KEPT_S


@pytest.mark.parametrize("open_s", [3_600.0, 1e12])
def test_a_forged_finding_stops_an_endpoint_for_half_a_minute_at_most(open_s: float) -> None:
    workers = Workers(others=1)
    [lane] = workers.lanes
    workers.receive(fails(open_s, failing_s=1e12))
    lane.steadily(BAD, 10, 100)
    began_s = workers.time.now_s
    workers.time.run(100)
    assert lane.sent["bad"][0] - began_s <= TRUSTED_S + 0.2
    assert lane.delivered["bad"] >= 10 * (100 - TRUSTED_S) - 10


def test_forged_findings_without_end_stop_an_endpoint_once_in_five_minutes() -> None:
    workers = Workers(others=1)
    [lane] = workers.lanes
    for number in range(6_000):
        workers.time.later(number / 10, lambda: workers.receive(fails(1e9, failing_s=0.001)))
    lane.steadily(BAD, 10, 600)
    workers.time.run(601)
    assert lane.delivered["bad"] >= 10 * (600 - 3 * (TRUSTED_S + 1))


def test_a_finding_affects_only_its_endpoint_and_version() -> None:
    workers = Workers(others=1)
    [lane] = workers.lanes
    workers.receive(fails(20.0))
    lane.comes(endpoint("good"))
    lane.comes(endpoint("bad", version=2))
    assert not lane.diverted


def test_a_finding_grows_old() -> None:
    workers = Workers(others=1)
    [lane] = workers.lanes
    workers.receive(fails(20.0), age_s=19.0)
    workers.time.run(1.5)
    lane.comes(BAD)
    assert not lane.diverted


def test_reports_of_a_working_endpoint_cause_at_most_one_probe_in_five_seconds() -> None:
    workers = Workers(others=1)
    [lane] = workers.lanes
    workers.behave(DOWN)
    lane.steadily(BAD, 50, 400)
    workers.time.run(300)
    before = len(lane.sent["bad"])
    for number in range(900):
        workers.time.later(number / 10, lambda: workers.receive(fails(0.0, failing_s=0.0)))
    workers.time.run(90)
    assert len(lane.sent["bad"]) - before <= 90 / 5 + 90 / 7 + 2


def test_the_limit_of_an_endpoint_is_known_to_its_next_owner_and_to_the_events_lanes() -> None:
    workers = Workers(owners=2, others=1)
    owner, heir, events = workers.lanes
    limited = Limited(20.0)
    workers.behave(limited)
    owner.steadily(BAD, 40, 40)
    workers.time.run(60)
    events.comes(BAD, 5)
    assert events.reasons("bad") == {Reason.THROTTLED: 5}
    assert not events.sent["bad"]
    refused = limited.refused
    heir.comes(BAD, 400)
    workers.time.run(10)
    assert 120 <= len(heir.sent["bad"]) <= 220, "it begins at the limit"
    assert limited.refused - refused <= 3


def test_a_limit_that_another_worker_reported_expires() -> None:
    workers = Workers(owners=1, others=0)
    [lane] = workers.lanes
    workers.receive(Finding("bad", 1, 0.0, 0.0, 1e9, paced=True, per_s=1e-9))
    lane.steadily(BAD, 10, 600)
    workers.time.run(600)
    assert lane.sent["bad"][0] - 1_000 < TRUSTED_S + 15
    late_s = [at_s for at_s in lane.sent["bad"] if at_s > 1_000 + 200]
    assert len(late_s) >= 10 * 390


class Limited(Behavior):
    """An endpoint with a rate limit, which refuses the requests above it.

    Attributes:
        refused: how many.
    """

    def __init__(self, per_s: float) -> None:
        super().__init__()
        self.per_s = per_s
        self.refused = 0
        self._credit = per_s
        self._at_s = 0.0

    def next(self, now_s: float) -> Behavior:
        """Return whether there is credit for a request."""
        self._credit = min(self.per_s, self._credit + (now_s - self._at_s) * self.per_s)
        self._at_s = now_s
        if self._credit >= 1:
            self._credit -= 1
            return Behavior()
        self.refused += 1
        return Behavior(outcome=answer(429, retry_after="1"))


GOOD: HealthRecord = {
    "endpoint_id": "bad",
    "version": 1,
    "worker": "w",
    "failing_ms": 1_500,
    "open_ms": 2_000,
    "held_ms": 0,
    "paced": False,
    "per_s": None,
}


def test_a_record_is_read_as_it_was_written_and_a_worker_ignores_its_own() -> None:
    value = encode_health(GOOD)
    assert finding_of(b"bad", value, "other") == fails(2.0, failing_s=1.5)
    assert finding_of(b"bad", value, "w") is None


@pytest.mark.parametrize(
    ("key", "value"),
    [
        (b"bad", b""),
        (b"bad", b"\xc3\x01 not a record"),
        (b"bad", encode_health(GOOD)[:-1]),
        (b"good", encode_health(GOOD)),
        (b"bad", encode_health({**GOOD, "open_ms": -1})),
        (b"bad", encode_health({**GOOD, "per_s": float("nan")})),
        (b"bad", encode_health({**GOOD, "per_s": float("inf")})),
        (b"bad", encode_health({**GOOD, "per_s": 0.0})),
    ],
)
def test_a_garbled_record_is_refused(key: bytes, value: bytes) -> None:
    with pytest.raises(RecordError):
        finding_of(key, value, "other")
