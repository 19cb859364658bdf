"""Admission in virtual time: endpoints answer as a test sets them, and nothing sleeps."""

from __future__ import annotations

import heapq
import uuid
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from plaudit.deliver.isolation.admission import Admission
from plaudit.deliver.isolation.answers import hold_s
from plaudit.deliver.isolation.endpoint_health import Refusal
from plaudit.deliver.isolation.endpoint_state import Clock, InFlight
from plaudit.deliver.isolation.health_registry import HealthRegistry
from plaudit.deliver.isolation.limits import AdmissionLimits
from plaudit.deliver.isolation.verdict import Failed, Next, Queued, Refused
from plaudit.deliver.model.delivery import Delivery, History, origin_of
from plaudit.deliver.offsets.assignment import Assignment, Record
from plaudit.deliver.offsets.pause_gate import PauseGate
from plaudit.deliver.offsets.pulse import Pulse
from plaudit.endpoints.model import Endpoint
from plaudit.endpoints.signing import Secret, Signer, new_secret
from plaudit.events.decoding import Event
from plaudit.kafka.read.consumer import CommittedOffset, Partition
from plaudit.records.names import Trigger
from plaudit.transport.addresses import check_url
from plaudit.transport.answer import NO_TIMINGS, Answer
from plaudit.transport.errors import FirstByteTimeout, TransportError

EVENT = Event(str(uuid.UUID(int=1)), "testimonial.approved", "", "w", "s", "k", {})
LOOK_S = 0.5
_SIGNER = Signer([Secret(new_secret())])


def answer(status: int, **headers: str) -> Answer:
    pairs = tuple(
        (name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()
    )
    return Answer(status, pairs, b"", truncated=False, timings=NO_TIMINGS, bytes_sent=1)


def endpoint(
    name: str, *, rate_limit: float | None = None, version: int = 1, workspace: str = "w"
) -> Endpoint:
    """Return an endpoint of this name."""
    return Endpoint(
        endpoint_id=name,
        workspace_id=workspace,
        version=version,
        target=check_url(f"https://{name}.example/"),
        headers=(),
        signer=_SIGNER,
        types=frozenset(),
        spaces=frozenset(),
        shape=None,
        rate_limit=rate_limit,
        schedule=None,
        status="active",
        disabled_reason=None,
        active_from_ms=0,
    )


def assignment(number: int = 0) -> Assignment:
    """Return a partition that this worker holds."""
    place = CommittedOffset(None, "")
    return Assignment(Partition("events", number), 0, place, 0, release=lambda _: None)


@dataclass
class Behavior:
    """The answers of an endpoint.

    Attributes:
        takes_s: how long an answer takes; None: it never comes.
        outcome: what comes.
    """

    takes_s: float | None = 0.01
    outcome: Answer | TransportError = field(default_factory=lambda: answer(200))

    def next(self, now_s: float) -> Behavior:
        """Return how it answers a request that begins now."""
        del now_s
        return replace(self)

    def ended(self, now_s: float) -> None:
        """Hear that a request was answered."""


@dataclass
class Timer:
    """Something that happens later, unless it is cancelled."""

    cancelled: bool = False

    def cancel(self) -> None:
        self.cancelled = True


class Time:
    """Time that passes when a test says so.

    Attributes:
        now_s: seconds.
    """

    def __init__(self) -> None:
        self.now_s = 1_000.0
        self._events: list[tuple[float, int, Callable[[], None], Timer]] = []
        self._count = 0

    def later(self, seconds: float, call: Callable[[], None]) -> Timer:
        """Call a function after this many seconds."""
        self._count += 1
        timer = Timer()
        heapq.heappush(self._events, (self.now_s + seconds, self._count, call, timer))
        return timer

    def run(self, seconds: float) -> None:
        """Let time go by."""
        until_s = self.now_s + seconds
        while self._events and self._events[0][0] <= until_s:
            at_s, _, call, timer = heapq.heappop(self._events)
            self.now_s = max(self.now_s, at_s)
            if not timer.cancelled:
                call()
        self.now_s = until_s


class World:
    """A lane's admission with endpoints around it.

    Args:
        serves_all: as the deliveries lane does.
        limits: for each endpoint.
        time: that passes here; its own, unless several lanes share one.
        health_registry: of endpoints; its own, likewise.

    Attributes:
        behaves: how each endpoint answers; at once and well, unless told otherwise.
        sent: when attempts began, by endpoint.
        delivered: how many were answered 2xx, by endpoint.
        diverted: why deliveries were refused, by endpoint.
        insisting: deliveries have waited long enough.
        on_diverted: hears of each diversion, on_delivered of each 2xx, on_failed of
            each other outcome.
        busy_s: for how long the event loop is busy from now on.
    """

    def __init__(
        self,
        *,
        serves_all: bool,
        limits: AdmissionLimits | None = None,
        time: Time | None = None,
        health_registry: HealthRegistry | None = None,
    ) -> None:
        self.time = time or Time()
        self.later, self.run = self.time.later, self.time.run
        self.behaves: dict[str, Behavior] = defaultdict(Behavior)
        self.sent: dict[str, list[float]] = defaultdict(list)
        self.delivered: Counter[str] = Counter()
        self.diverted: dict[str, list[Refusal]] = defaultdict(list)
        self.assignment = assignment()
        self.on_diverted: Callable[[Delivery, Refusal], None] = lambda _, __: None
        self.insisting = False
        self._offset = 0
        self.on_failed: Callable[[InFlight, Answer | TransportError], None] = lambda _, __: None
        self.on_delivered: Callable[[Delivery], None] = lambda _: None
        self.busy_s: Callable[[], float] = lambda: 0.0
        self.pulse = Pulse()
        epoch_ms = lambda: int(self.now_s * 1_000)  # noqa: E731 - as the clock beside it
        clock = Clock(self.later, lambda: self.now_s, epoch_ms, self.pulse)
        self.admission = Admission(
            limits or AdmissionLimits(),
            lambda _: self.insisting,
            self.proceed,
            clock,
            health_registry or HealthRegistry(),
            serves_all=serves_all,
            hold=PauseGate(),
        )
        self.later(LOOK_S, self._look)

    @property
    def now_s(self) -> float:
        """The time of the world."""
        return self.time.now_s

    def delivery(self, to: Endpoint, history: History | None = None) -> Delivery:
        """Return a delivery from the next record of the partition."""
        record = Record(self.assignment, self._offset, 0, b"{}")
        self._offset += 1
        past = history or History(Trigger.EVENT, 0, 0, 0, int(self.now_s * 1_000))
        event = EVENT._replace(workspace_id=to.workspace_id)
        return Delivery(record, event, b"{}", to.endpoint_id, to, origin_of(record), past)

    def comes(self, to: Endpoint, count: int = 1) -> None:
        """Let deliveries come in now."""
        for _ in range(count):
            self.admit(self.delivery(to), to)

    def admit(self, delivery: Delivery, to: Endpoint) -> None:
        """Carry out what admission decides about a delivery."""
        verdict = self.admission.admit(delivery, to)
        self.proceed(verdict.ready if isinstance(verdict, Queued) else [verdict])

    def proceed(self, ready: Sequence[Next]) -> None:
        """Carry out what admission found."""
        for each in ready:
            match each:
                case InFlight():
                    self._start(each)
                case Refused():
                    self._divert(each.delivery, each.refusal)
                case Failed():
                    raise each.error

    def steadily(self, to: Endpoint, per_s: float, seconds: float) -> None:
        """Let deliveries come in at a rate, from now on."""
        for number in range(int(per_s * seconds)):
            self.later(number / per_s, lambda: self.comes(to))

    def reasons(self, name: str) -> Counter[str]:
        """Count why deliveries to an endpoint were refused."""
        return Counter(str(each.reason) for each in self.diverted[name])

    def finish(self, flight: InFlight, outcome: Answer | TransportError) -> None:
        """Let an attempt end."""
        if isinstance(outcome, Answer) and outcome.status == 200:
            self.delivered[flight.delivery.endpoint_id] += 1
            self.on_delivered(flight.delivery)
        else:
            self.on_failed(flight, outcome)
        asked_s = hold_s(outcome, int(self.now_s * 1_000))
        self.proceed(self.admission.release(flight, outcome, asked_s))

    def _start(self, flight: InFlight) -> None:
        name = flight.delivery.endpoint_id
        self.sent[name].append(self.now_s)
        behavior = self.behaves[name].next(self.now_s)
        if behavior.takes_s is not None:
            takes_s = behavior.takes_s + self.busy_s()
            self.later(takes_s, lambda: self._arrives(flight, behavior.outcome))

    def _arrives(self, flight: InFlight, outcome: Answer | TransportError) -> None:
        """An answer is there; the event loop sees it when it has time."""
        busy_s = self.busy_s()
        if busy_s > 0:
            self.later(busy_s, lambda: self._seen(flight, outcome))
        else:
            self._seen(flight, outcome)

    def _seen(self, flight: InFlight, outcome: Answer | TransportError) -> None:
        self.behaves[flight.delivery.endpoint_id].ended(self.now_s)
        self.finish(flight, outcome)

    def _divert(self, delivery: Delivery, refusal: Refusal) -> None:
        self.diverted[delivery.endpoint_id].append(refusal)
        self.on_diverted(delivery, refusal)

    def _look(self) -> None:
        self.proceed(self.admission.update())
        self.later(LOOK_S, self._look)


def times_out(seconds: float = 15.0) -> Behavior:
    """Return the behavior of an endpoint that hangs until the time-out."""
    return Behavior(seconds, FirstByteTimeout())
