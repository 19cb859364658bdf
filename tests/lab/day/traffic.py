"""The traffic of a day's tenants: a steady rate with a swell and a lull, and bursts."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass
from random import Random
from typing import Final

from e2e.rig import Rig
from lab.day.shape import BESIDE_TYPE, SEED, Shape, Tenant, event_type, pick
from lab.publishing import DELIVERY_TIMEOUT_S, Publishing
from lab.scenario import APPROVED, Traffic
from plaudit.kafka.errors import KafkaFailure
from plaudit.publish import Publisher

TICK_S: Final = 0.02
AT_ONCE: Final = 100
"""Events of a burst in a tick: 5,000 a second, if this machine makes them so fast."""

BESIDE_SHARE: Final = 0.02
"""With so many of the events the endpoints beside a flood get one: enough for a percentile."""


@dataclass(slots=True)
class Burst:
    """Events that are published as fast as possible.

    Attributes:
        left: events still to be published.
        tenant: whose; None: everyone's, by weight.
    """

    left: int
    tenant: Tenant | None = None


class DayTraffic(Publishing):
    """A thread that publishes what the tenants of a day publish.

    Attributes:
        due: deliveries that follow from what was sent.
    """

    def __init__(self, rig: Rig, shape: Shape) -> None:
        super().__init__(rig, Traffic(0, 1.0))
        self._shape = shape
        self._random = Random(SEED)  # noqa: S311 - traffic, no secrets
        self._bursts: deque[Burst] = deque()
        self._owed = 0.0
        self.due = 0

    def burst(self, deliveries: int, tenant: Tenant | None = None) -> None:
        """Publish this many deliveries' events at once, beside the steady ones."""
        fan_out = self._shape.mean_fan_out if tenant is None else tenant.fan_out(APPROVED)
        self._bursts.append(Burst(max(1, round(deliveries / fan_out)), tenant))

    def _run(self) -> None:
        try:
            with Publisher(self._rig.settings, delivery_timeout_s=DELIVERY_TIMEOUT_S) as publisher:
                began = before = time.monotonic()
                while not self._stop.wait(TICK_S):
                    now = time.monotonic()
                    elapsed_s = now - began
                    if elapsed_s < self._shape.size.seconds:
                        self._owed += (now - before) * self._shape.events_per_s(elapsed_s)
                    elif self.enough.is_set() and not self._bursts:
                        return
                    before = now
                    self._tick(publisher)
        except KafkaFailure as failure:
            self.failures.append(str(failure))

    def _tick(self, publisher: Publisher) -> None:
        shape, random = self._shape, self._random
        while self._owed >= 1:
            self._owed -= 1
            self._send_one(publisher, pick(shape.ordinary, random), event_type(random))
            if random.random() < BESIDE_SHARE:
                self._send_beside(publisher)
        if self._bursts:
            burst = self._bursts[0]
            for _ in range(min(AT_ONCE, burst.left)):
                burst.left -= 1
                tenant = burst.tenant or pick(shape.ordinary, random)
                kind = APPROVED if burst.tenant else event_type(random)
                self._send_one(publisher, tenant, kind)
            if not burst.left:
                self._bursts.popleft()

    def _send_beside(self, publisher: Publisher) -> None:
        for tenant in (self._shape.flooded, self._shape.limited):
            self._send_one(publisher, tenant, BESIDE_TYPE)

    def _send_one(self, publisher: Publisher, tenant: Tenant, name: str) -> None:
        self.send(publisher, name, tenant.workspace)
        self.due += tenant.fan_out(name)
