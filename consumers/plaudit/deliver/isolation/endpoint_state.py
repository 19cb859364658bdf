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
NOBODY: Final[Queue] = deque(maxlen=0)
"""Shared queue of endpoints without waiting deliveries; an empty queue takes 700 bytes."""


class Timer(Protocol):
    """A call to come."""

    def cancel(self) -> object:
        """Let it not happen."""
        ...


@dataclass(frozen=True, slots=True)
class Clock:
    """Time, as admission needs it.

    Attributes:
        later: calls a function after so many seconds, in the event loop's thread.
        now_s: monotonic seconds.
        epoch_ms: clock of reserved send times.
        pulse: how late the event loop is.
    """

    later: Callable[[float, Callable[[], None]], Timer]
    now_s: Callable[[], float] = time.monotonic
    epoch_ms: Callable[[], int] = wall_ms
    pulse: Pulse = field(default_factory=Pulse)


class InFlight:
    """An attempt under way.

    Attributes:
        delivery: what is attempted.
        endpoint: where.
        standing: of the endpoint, when it began.
        permit: of that standing.
        began_s: monotonic seconds.
        started_ms: the same, in epoch milliseconds; set when the attempt is started, 0 before.
        exchange: what is to be cancelled; set likewise.
        evicted: it is cancelled for what it holds up.
        ended: its outcome has come; another one would be of no use.
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
        flights: on the wire, the oldest first.
        queue: those that wait.
        bookings: turns of deliveries that found no room; None: there were none.
        brisk: whether they wait for the worker and not for the endpoint (see `room`).
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
        self.queue = NOBODY
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
        """Return where turns are booked."""
        if self.turns is not None:
            return self.turns.bookings
        if self.bookings is None:
            self.bookings = Bookings(now_s)
        return self.bookings

    def wait(self, delivery: Delivery) -> None:
        """Let a delivery wait, as the last of its queue."""
        if self.queue is NOBODY:
            self.queue = deque()
        self.queue.append(delivery)
