"""Per-endpoint state: attempts in flight, queue, and health."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Protocol, TypeAlias

from plaudit.deliver.isolation.bookings import Bookings
from plaudit.deliver.isolation.endpoint_health import EndpointHealth
from plaudit.deliver.isolation.rate_limit import RateLimiter
from plaudit.deliver.model.delivery import Delivery
from plaudit.deliver.offsets.pulse import Pulse
from plaudit.endpoints.model import Endpoint
from plaudit.records.times import wall_ms
from plaudit.transport.sender import ExchangeHandle

Queue: TypeAlias = "deque[Delivery]"
NO_QUEUE: Final[Queue] = deque(maxlen=0)
"""Shared queue of endpoints without waiting deliveries; an empty queue takes 700 bytes."""


class Timer(Protocol):
    """Scheduled call."""

    def cancel(self) -> object:
        """Cancel the call."""
        ...


@dataclass(frozen=True, slots=True)
class Clock:
    """Clocks and timers of admission.

    Attributes:
        later: calls a function after a number of seconds, in the event loop's thread.
        now_s: monotonic seconds.
        epoch_ms: epoch milliseconds, for reserved send times.
        pulse: lateness of the event loop.
    """

    later: Callable[[float, Callable[[], None]], Timer]
    now_s: Callable[[], float] = time.monotonic
    epoch_ms: Callable[[], int] = wall_ms
    pulse: Pulse = field(default_factory=Pulse)


class InFlight:
    """Attempt in flight.

    Attributes:
        delivery: the attempted delivery.
        endpoint: the receiver of the request.
        health: health of the endpoint when the attempt began.
        permit: permission for the attempt, from that health.
        began_s: monotonic seconds.
        started_ms: start in epoch milliseconds; 0 before the attempt is started.
        exchange: handle to cancel the request; None before the attempt is started.
        evicted: whether the attempt was cancelled because others waited.
        ended: whether the outcome has arrived; a second one is ignored.
    """

    __slots__ = (
        "began_s",
        "delivery",
        "ended",
        "endpoint",
        "evicted",
        "exchange",
        "health",
        "permit",
        "started_ms",
    )

    def __init__(
        self, delivery: Delivery, endpoint: Endpoint, health: EndpointHealth, now_s: float
    ) -> None:
        self.delivery = delivery
        self.endpoint = endpoint
        self.health = health
        self.permit = health.permit(now_s)
        self.began_s = now_s
        self.started_ms = 0
        self.exchange: ExchangeHandle | None = None
        self.evicted = False
        self.ended = False


class EndpointState:
    """State of one endpoint in this lane.

    Attributes:
        flights: attempts in flight, the oldest first.
        queue: waiting deliveries.
        bookings: reserved send times of diverted deliveries; None: no delivery has one.
        worker_bound: whether the queue waits for the worker and not for the endpoint (see
            `queue_room`).
        version: the endpoint's version.
        answered_s: when the last attempt ended.
    """

    __slots__ = (
        "answered_s",
        "bookings",
        "flights",
        "health",
        "queue",
        "rate_limiter",
        "timer",
        "version",
        "worker_bound",
    )

    def __init__(self, version: int, health: EndpointHealth, now_s: float) -> None:
        self.version = version
        self.flights: dict[InFlight, None] = {}
        self.queue = NO_QUEUE
        self.health = health
        self.rate_limiter: RateLimiter | None = None
        self.bookings: Bookings | None = None
        self.timer: Timer | None = None
        self.worker_bound = True
        self.answered_s = now_s

    @property
    def paced(self) -> bool:
        """Whether requests leave evenly, for a limit or after refusals."""
        return self.rate_limiter is not None or self.health.allowance is not None

    def booked(self, now_s: float) -> Bookings:
        """Return the reservations of send times."""
        if self.rate_limiter is not None:
            return self.rate_limiter.bookings
        if self.bookings is None:
            self.bookings = Bookings(now_s)
        return self.bookings

    def wait(self, delivery: Delivery) -> None:
        """Append a delivery to the queue."""
        if self.queue is NO_QUEUE:
            self.queue = deque()
        self.queue.append(delivery)
