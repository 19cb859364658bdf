"""Both lanes of a worker and the tiers between them, in virtual time, with a processor to share."""

from __future__ import annotations

import heapq
from collections import Counter, defaultdict, deque
from functools import partial
from statistics import quantiles
from typing import Final

from deliver.world import Time, World
from plaudit.deliver.isolation.answers import hold_s, is_refused
from plaudit.deliver.isolation.endpoint_health import Refusal
from plaudit.deliver.isolation.endpoint_state import InFlight
from plaudit.deliver.isolation.health_registry import HealthRegistry
from plaudit.deliver.model.attempted import Attempted
from plaudit.deliver.model.decision import (
    Decision,
    Diverted,
    Reason,
    Retry,
    RetryPlan,
    await_send_time,
    decide,
    divert,
)
from plaudit.deliver.model.delivery import Delivery, History
from plaudit.deliver.running_lane import MOST_DELIVERIES
from plaudit.deliver.settle.headers import next_history
from plaudit.endpoints.model import Endpoint
from plaudit.kafka.settings import DEFAULT_SCHEDULE, DEFAULT_TIERS
from plaudit.records.delays import parse_delays
from plaudit.records.names import Trigger
from plaudit.transport.answer import Answer
from plaudit.transport.errors import TransportError

PLAN: Final = RetryPlan(parse_delays(DEFAULT_SCHEDULE), parse_delays(DEFAULT_TIERS))
BATCH: Final = 100
READ_EVERY_S: Final = 0.005
SENDING_S: Final = 200e-6
"""What an attempt costs the processor, and what a diversion does, its reading included."""
DIVERTING_S: Final = 150e-6
MOST_RECORDS: Final = 10_000


class Pipeline:
    """A worker with both lanes.

    Attributes:
        behaves: how endpoints answer, in both lanes.
        took: seconds from publication to the 2xx, by endpoint, with when it came.
        refused: requests that were answered 429, or 503 with `Retry-After`, by endpoint.
        attempts: that deliveries had before the one that succeeded.
        writes: how often a delivery was written to a tier.
        worked_s: what the processor was busy for.
    """

    def __init__(self) -> None:
        self.time = Time()
        health_registry = HealthRegistry()
        self.events = World(serves_all=False, time=self.time, health_registry=health_registry)
        self.deliveries = World(serves_all=True, time=self.time, health_registry=health_registry)
        self.behaves = self.deliveries.behaves = self.events.behaves
        self.deliveries.pulse = self.events.pulse
        self.took: dict[str, list[tuple[float, float]]] = defaultdict(list)
        self.order: dict[str, list[float]] = defaultdict(list)
        self.refused: Counter[str] = Counter()
        self.attempts: Counter[int] = Counter()
        self.writes = 0
        self.worked_s = 0.0
        self._busy_until_s = 0.0
        self._log: deque[tuple[Endpoint, History]] = deque()
        self._tiers: list[tuple[float, int, Endpoint, History]] = []
        self._count = 0
        for world in (self.events, self.deliveries):
            world.on_delivered = self._delivered
            world.on_diverted = self._diverted
            world.on_failed = self._failed
            world.busy_s = self._busy_s
        self._turn()

    def publish(self, to: Endpoint, count: int = 1) -> None:
        """Publish events that one endpoint wants."""
        now_ms = int(self.time.now_s * 1_000)
        self._log.extend([(to, History(Trigger.EVENT, 0, 0, 0, now_ms))] * count)

    def steadily(self, to: Endpoint, per_s: float, seconds: float) -> None:
        """Publish at a rate, from now on."""
        for number in range(int(per_s * seconds)):
            self.time.later(number / per_s, partial(self.publish, to))

    def percentiles(self, name: str, since_s: float = 0.0) -> tuple[float, float]:
        """Return p50 and p99 of what came after a moment."""
        took = [each for at_s, each in self.took[name] if at_s >= since_s]
        cuts = quantiles(took, n=100)
        return cuts[49], cuts[98]

    def _busy_s(self) -> float:
        return max(0.0, self._busy_until_s - self.time.now_s)

    def _spend(self, seconds: float) -> None:
        self._busy_until_s = max(self._busy_until_s, self.time.now_s) + seconds
        self.worked_s += seconds

    def _has_room(self, world: World) -> bool:
        admission = world.admission
        return admission.in_hand < min(MOST_RECORDS, MOST_DELIVERIES) and not admission.gate.shut

    def _turn(self) -> None:
        """Take a batch for each lane that has room."""
        if self._has_room(self.events):
            count = min(BATCH, len(self._log))
            self._begin(self.events, [self._log.popleft() for _ in range(count)])
        if self._has_room(self.deliveries):
            batch: list[tuple[Endpoint, History]] = []
            while self._tiers and self._tiers[0][0] <= self.time.now_s and len(batch) < BATCH:
                _, _, to, history = heapq.heappop(self._tiers)
                batch.append((to, history))
            self._begin(self.deliveries, batch)
        self.time.later(self._busy_s() or READ_EVERY_S, self._turn)

    def _begin(self, world: World, batch: list[tuple[Endpoint, History]]) -> None:
        began_s = max(self._busy_until_s, self.time.now_s)
        for to, history in batch:
            sent = len(world.sent[to.endpoint_id])
            world.admit(world.delivery(to, history), to)
            if len(world.sent[to.endpoint_id]) > sent:
                self._spend(SENDING_S)
        if batch:
            world.pulse.turned(max(0.0, self._busy_until_s - began_s) / 2)

    def _delivered(self, delivery: Delivery) -> None:
        self.attempts[delivery.history.attempts] += 1
        enqueued_s = delivery.history.enqueued_at_ms / 1_000
        self.took[delivery.endpoint_id].append((self.time.now_s, self.time.now_s - enqueued_s))

    def _diverted(self, delivery: Delivery, refusal: Refusal) -> None:
        now_ms, history = int(self.time.now_s * 1_000), delivery.history
        decision: Decision
        if refusal.send_at_ms is None:
            wait_ms = int(refusal.wait_s * 1_000)
            decision = divert(history, PLAN, refusal.reason, now_ms, wait_ms=wait_ms)
        else:
            send_at_ms = refusal.send_at_ms
            decision = await_send_time(history, PLAN, refusal.reason, now_ms, send_at_ms=send_at_ms)
        self._write(delivery, decision, None)

    def _failed(self, flight: InFlight, outcome: Answer | TransportError) -> None:
        now_s, history = self.time.now_s, flight.delivery.history
        now_ms = int(now_s * 1_000)
        decision = decide(outcome, history, PLAN, PLAN.schedule, now_ms)
        asked_s = hold_s(outcome, now_ms)
        if is_refused(outcome, asked_s):
            self.refused[flight.delivery.endpoint_id] += 1
            if flight.health.keeps_place(now_s):
                until_ms, why = now_ms + int(asked_s * 1_000), Reason.THROTTLED
                decision = await_send_time(history, PLAN, why, now_ms, send_at_ms=until_ms)
        self._write(flight.delivery, decision, Attempted(outcome, now_ms))

    def _write(self, delivery: Delivery, decision: Decision, attempted: Attempted | None) -> None:
        assert isinstance(decision, Diverted | Retry)
        assert delivery.endpoint is not None
        self.writes += 1
        self._spend(DIVERTING_S)
        after = next_history(delivery.history, decision, attempted)
        self._count += 1
        due_s = self.time.now_s + decision.tier.millis / 1_000
        history = after._replace(waited_ms=decision.tier.millis)
        heapq.heappush(self._tiers, (due_s, self._count, delivery.endpoint, history))
