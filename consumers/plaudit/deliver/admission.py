"""Per endpoint: attempt now, wait in a short queue, or divert to a tier of the deliveries lane.

Each endpoint has its own slots and its own queue. There is no shared pool that a slow one could
fill: what does not fit is diverted, without counting an attempt.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from plaudit.deliver.decide import Reason
from plaudit.deliver.delivery import Delivery
from plaudit.endpoints.model import Endpoint

RATE_BURST_S: Final = 1.0
RATE_QUEUE_S: Final = 30.0
"""How long deliveries to a rate-limited endpoint may wait here before they go to a tier."""


@dataclass(frozen=True, slots=True)
class AdmissionLimits:
    """What one endpoint may occupy in this worker.

    Attributes:
        in_flight: requests on the wire at once.
        queued: deliveries that wait for a slot.
    """

    in_flight: int = 64
    queued: int = 1_024


class RateLimit:
    """A token bucket of one second's worth.

    Args:
        per_s: requests a second.
        now_s: monotonic seconds.
    """

    __slots__ = ("_at_s", "_most", "_tokens", "per_s")

    def __init__(self, per_s: float, now_s: float) -> None:
        self.per_s = per_s
        self._most = max(1.0, per_s * RATE_BURST_S)
        self._tokens = self._most
        self._at_s = now_s

    def take(self, now_s: float) -> float:
        """Take a token; return how many seconds to wait for one, 0 when one was taken."""
        self._tokens = min(self._most, self._tokens + (now_s - self._at_s) * self.per_s)
        self._at_s = now_s
        if self._tokens >= 1:
            self._tokens -= 1
            return 0.0
        return (1 - self._tokens) / self.per_s


class Slots:
    """What one endpoint has in hand here."""

    __slots__ = ("in_flight", "queue", "rate", "timer")

    def __init__(self) -> None:
        self.in_flight = 0
        self.queue: deque[Delivery] = deque()
        self.rate: RateLimit | None = None
        self.timer: asyncio.TimerHandle | None = None


class Admission:
    """Decides when deliveries are attempted; belongs to the event loop's thread.

    Args:
        limits: for each endpoint.
        start: begins an attempt; it calls `finished` when that has ended.
        divert: sends a delivery to a tier instead, with the reason.
        limits_rate: whether this lane serves endpoints with a rate limit. The events lane does not:
            in the deliveries lane an endpoint has one owner, so that its rate is exact.
    """

    def __init__(
        self,
        limits: AdmissionLimits,
        start: Callable[[Delivery, Endpoint], None],
        divert: Callable[[Delivery, str], None],
        *,
        limits_rate: bool,
    ) -> None:
        self._limits = limits
        self._start = start
        self._divert = divert
        self._limits_rate = limits_rate
        self._slots: dict[str, Slots] = {}
        self.in_hand = 0

    def admit(self, delivery: Delivery, endpoint: Endpoint) -> None:
        """Attempt it now, or later, or divert it."""
        slots = self._slots.get(delivery.endpoint_id)
        if slots is None:
            slots = self._slots[delivery.endpoint_id] = Slots()
        if endpoint.rate_limit is not None and not self._limits_rate:
            self._divert(delivery, Reason.RATE_LIMIT)
        elif self._is_full(slots, endpoint):
            reason = Reason.BACKLOG if endpoint.rate_limit is None else Reason.RATE_LIMIT
            self._divert(delivery, reason)
        else:
            self.in_hand += 1
            slots.queue.append(delivery)
            self._pump(delivery.endpoint_id, slots)
            return
        self._forget_if_idle(delivery.endpoint_id, slots)

    def finished(self, delivery: Delivery) -> None:
        """An attempt has ended: its slot is free."""
        self.in_hand -= 1
        slots = self._slots[delivery.endpoint_id]
        slots.in_flight -= 1
        self._pump(delivery.endpoint_id, slots)

    def drop_inactive(self) -> None:
        """Forget what waits and belongs to partitions that were given up."""
        for endpoint_id, slots in list(self._slots.items()):
            kept = [each for each in slots.queue if each.record.assignment.active]
            self.in_hand -= len(slots.queue) - len(kept)
            slots.queue = deque(kept)
            self._forget_if_idle(endpoint_id, slots)

    def _is_full(self, slots: Slots, endpoint: Endpoint) -> bool:
        most = self._limits.queued
        if endpoint.rate_limit is not None:
            most = min(most, max(1, int(endpoint.rate_limit * RATE_QUEUE_S)))
        return len(slots.queue) >= most

    def _pump(self, endpoint_id: str, slots: Slots) -> None:
        """Begin as many attempts as slots and rate allow."""
        while slots.queue and slots.in_flight < self._limits.in_flight and slots.timer is None:
            delivery = slots.queue[0]
            endpoint = delivery.endpoint
            if endpoint is None or not delivery.record.assignment.active:
                slots.queue.popleft()
                self.in_hand -= 1
                continue
            wait_s = self._wait_s(slots, endpoint)
            if wait_s:
                loop = asyncio.get_running_loop()
                slots.timer = loop.call_later(wait_s, self._wake, endpoint_id, slots)
                return
            slots.queue.popleft()
            slots.in_flight += 1
            self._start(delivery, endpoint)
        self._forget_if_idle(endpoint_id, slots)

    def _wait_s(self, slots: Slots, endpoint: Endpoint) -> float:
        if endpoint.rate_limit is None:
            slots.rate = None
            return 0.0
        now_s = asyncio.get_running_loop().time()
        if slots.rate is None or slots.rate.per_s != endpoint.rate_limit:
            slots.rate = RateLimit(endpoint.rate_limit, now_s)
        return slots.rate.take(now_s)

    def _wake(self, endpoint_id: str, slots: Slots) -> None:
        slots.timer = None
        self._pump(endpoint_id, slots)

    def _forget_if_idle(self, endpoint_id: str, slots: Slots) -> None:
        """Drop the state of an endpoint that has nothing here; a rate limit is remembered."""
        if not slots.in_flight and not slots.queue and slots.rate is None:
            self._slots.pop(endpoint_id, None)
