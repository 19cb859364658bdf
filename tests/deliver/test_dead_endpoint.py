"""The cost of a dead endpoint: design.md section 8, recomputed."""

from __future__ import annotations

import heapq
from collections import Counter

import pytest

from deliver.world import Behavior, World, endpoint
from plaudit.deliver.isolation.endpoint_health import Refusal
from plaudit.deliver.model.attempted import Attempted
from plaudit.deliver.model.decision import Dead, Diverted, RetryPlan, decide, divert
from plaudit.deliver.model.delivery import Delivery, History
from plaudit.deliver.settle.headers import next_history
from plaudit.kafka.settings import DEFAULT_SCHEDULE, DEFAULT_TIERS
from plaudit.records.delays import parse_delays
from plaudit.records.names import Trigger
from plaudit.transport.errors import ConnectFailed

PLAN = RetryPlan(parse_delays(DEFAULT_SCHEDULE), parse_delays(DEFAULT_TIERS))
DEAD = endpoint("dead")
FIVE_DAYS_S = 5 * 86_400
EVERY_S = 240


class Pipeline:
    """Both lanes and the tiers between them, in virtual time.

    Attributes:
        bounces: how often each delivery was diverted.
        probes: deliveries that were attempted.
        ended: why deliveries were given up.
    """

    def __init__(self) -> None:
        self.world = World(serves_all=True)
        self.world.behaves["dead"] = Behavior(0.01, ConnectFailed())
        self.world.on_diverted = self._diverted
        self.bounces: Counter[int] = Counter()
        self.ended: Counter[str] = Counter()
        self.probes: set[int] = set()
        self._tiers: list[tuple[float, int, int, History]] = []
        self._ids: dict[int, int] = {}
        self._count = 0

    def publish(self, every_s: float, for_s: float) -> None:
        """Publish at a steady rate, and let everything take its course."""
        begin_s = self.world.now_s
        for number in range(int(for_s / every_s)):
            at_s = begin_s + number * every_s
            self._put(at_s, number, History(Trigger.EVENT, 0, 0, 0, int(at_s * 1_000)))
        while self._tiers:
            at_s, _, number, history = heapq.heappop(self._tiers)
            self.world.run(max(0.0, at_s - self.world.now_s))
            delivery = self.world.delivery(DEAD, history)
            self._ids[delivery.record.offset] = number
            before = len(self.world.sent["dead"])
            self.world.admit(delivery, DEAD)
            if len(self.world.sent["dead"]) > before:
                self._failed(number, history)

    @property
    def attempts(self) -> int:
        """The number of HTTP attempts."""
        return len(self.world.sent["dead"])

    def _put(self, at_s: float, number: int, history: History) -> None:
        self._count += 1
        heapq.heappush(self._tiers, (at_s, self._count, number, history))

    def _failed(self, number: int, history: History) -> None:
        self.probes.add(number)
        now_ms = int(self.world.now_s * 1_000)
        error = ConnectFailed()
        decision = decide(error, history, PLAN, PLAN.schedule, now_ms)
        if isinstance(decision, Dead):
            self.ended[decision.reason] += 1
            return
        assert not isinstance(decision, Diverted)
        after = next_history(history, decision, Attempted(error, now_ms))
        self._again(number, after, PLAN.schedule[history.attempts].millis)

    def _diverted(self, delivery: Delivery, refusal: Refusal) -> None:
        number = self._ids[delivery.record.offset]
        self.bounces[number] += 1
        now_ms, wait_ms = int(self.world.now_s * 1_000), int(refusal.wait_s * 1_000)
        decision = divert(delivery.history, PLAN, refusal.reason, now_ms, wait_ms=wait_ms)
        if isinstance(decision, Diverted):
            after = next_history(delivery.history, decision, None)
            self._again(number, after, decision.tier.millis)
        else:
            self.ended[getattr(decision, "reason", "")] += 1

    def _again(self, number: int, history: History, delay_ms: int) -> None:
        seen = History(
            history.trigger,
            history.attempts,
            history.diversions,
            history.redrives,
            history.enqueued_at_ms,
            waited_ms=delay_ms,
        )
        self._put(self.world.now_s + delay_ms / 1_000, number, seen)


@pytest.fixture(scope="module")
def pipeline() -> Pipeline:
    """Return five days of it."""
    made = Pipeline()
    made.publish(EVERY_S, FIVE_DAYS_S)
    return made


def test_a_delivery_to_a_dead_endpoint_comes_back_about_sixteen_times(pipeline: Pipeline) -> None:
    published = int(FIVE_DAYS_S / EVERY_S)
    # At this rate many serve as a probe, and begin again; at 1,000 a second hardly any does.
    others = [
        pipeline.bounces[number] for number in range(published) if number not in pipeline.probes
    ]
    assert len(others) > published / 4
    assert 14 <= sum(others) / len(others) <= 17, "a bounce every 5 s would be 72,000"
    assert sum(pipeline.ended.values()) == published, "nothing bounces for ever"


def test_a_dead_endpoint_sees_a_probe_every_five_minutes_in_the_end(pipeline: Pipeline) -> None:
    lasted_s = pipeline.world.now_s - 1_000
    assert pipeline.attempts <= 250 + lasted_s / 300, "250 within the first hours"
