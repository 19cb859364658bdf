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
        epoch_ms: clock of reserved send times.
        pulse: lateness of the event loop.
    """

    later: Callable[[float, Callable[[], None]], Timer]
    now_s: Callable[[], float] = time.monotonic
    epoch_ms: Callable[[], int] = wall_ms
    pulse: Pulse = field(default_factory=Pulse)


class InFlight:
    """Attempt in flight.

    Attributes:
        delivery: that is attempted.
        endpoint: that gets the request.
        standing: health of the endpoint when the attempt began.
        permit: for that health.
        began_s: monotonic seconds.
        started_ms: the same, in epoch milliseconds; set when the attempt is started, 0 before.
        exchange: handle to cancel it; set likewise.
        evicted: whether it was cancelled because others waited.
        ended: whether its outcome has come; another one is ignored.
    """

    __slots__ = (
        "began_s",
        "delivery",
        "ended",
        "endpoint",
        "evicted",
        "exchange",
        "permit",
        "standing",
        "started_ms",
    )

    def __init__(
        self, delivery: Delivery, endpoint: Endpoint, standing: EndpointHealth, now_s: float
    ) -> None:
        self.delivery = delivery
        self.endpoint = endpoint
        self.standing = standing
        self.permit = standing.permit(now_s)
        self.began_s = now_s
        self.started_ms = 0
        self.exchange: ExchangeHandle | None = None
        self.evicted = False
        self.ended = False


class EndpointState:
    """State of one endpoint in this lane.

    Attributes:
        flights: attempts in flight, the oldest first.
        queue: deliveries that wait.
        bookings: reserved send times of diverted deliveries; None: there are none.
        brisk: whether the queue waits for the worker and not for the endpoint (see `room`).
        version: of the endpoint.
        answered_s: when the last attempt ended.
    """

    __slots__ = (
        "answered_s",
        "bookings",
        "brisk",
        "flights",
        "queue",
        "standing",
        "timer",
        "turns",
        "version",
    )

    def __init__(self, version: int, standing: EndpointHealth, now_s: float) -> None:
        self.version = version
        self.flights: dict[InFlight, None] = {}
        self.queue = NO_QUEUE
        self.standing = standing
        self.turns: RateLimiter | None = None
        self.bookings: Bookings | None = None
        self.timer: Timer | None = None
        self.brisk = True
        self.answered_s = now_s

    @property
    def paced(self) -> bool:
        """Whether requests leave evenly, for a limit or after refusals."""
        return self.turns is not None or self.standing.allowance is not None

    def booked(self, now_s: float) -> Bookings:
        """Return the reservations of send times."""
        if self.turns is not None:
            return self.turns.bookings
        if self.bookings is None:
            self.bookings = Bookings(now_s)
        return self.bookings

    def wait(self, delivery: Delivery) -> None:
        """Append a delivery to the queue."""
        if self.queue is NO_QUEUE:
            self.queue = deque()
        self.queue.append(delivery)
