"""A scenario: publishers, receivers, workers, and faults with their times.

A scenario is data. `lab.stage` sets it up, `lab.faults` breaks things, `lab.running` runs it, and
`lab.ledger` compares what was accepted with what arrived.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, TypeAlias, get_args

FOREVER: Final = 1 << 30
APPROVED: Final = "testimonial.approved"
EVERY_TOPIC: Final = (APPROVED, "form.completed", "consent.granted", "space.stats_changed")
"""A type of each topic."""
GONE: Final = 410
IN_FLIGHT: Final = 10
UNCOUNTED: Final = 1 << 30
HOPELESS: Final = frozenset({413, 415})

Toxic: TypeAlias = Literal["hang", "reset", "cut", "trickle", "huge", "endless", "garbage"]
TOXICS: Final[tuple[Toxic, ...]] = get_args(Toxic)
Failure: TypeAlias = "int | Toxic"


@dataclass(frozen=True, slots=True)
class Behavior:
    """Behavior of a subscriber.

    Attributes:
        after_s: latency of each answer; with a spread, the median.
        spread: spread of a lognormal distribution; 0.5 makes p99 three times the median.
        slows_at: number of other open requests that doubles the latency; 0: off.
        per_s: accepted requests per second, beyond which they fail at once; 0: all.
        fails: number of failed requests of each event before it accepts the event.
        one_in: one event in this many fails, at most as often as it is retried.
        failure: status of a failure, or a toxic of `lab.toxics`.
        retry_after_s: `Retry-After` of a failure; None: without.
    """

    after_s: float = 0.0
    fails: int = 0
    one_in: int = 1
    failure: Failure = 500
    retry_after_s: int | None = None
    spread: float = 0.0
    slows_at: int = 0
    per_s: float = 0.0

    def end(self, retries: int) -> str:
        """Return the outcome of a delivery: `delivered`, or the reason of its dead letter.

        Args:
            retries: number of retries.
        """
        if not self.fails:
            return "delivered"
        if self.failure == GONE:
            return "gone"
        if self.failure in HOPELESS:
            return "rejected"
        return "delivered" if self.fails <= retries else "exhausted"


GOOD: Final = Behavior()


@dataclass(frozen=True, slots=True)
class Subscriber:
    """An endpoint.

    Attributes:
        types: subscribed event types; empty: all.
        workspace: its workspace; empty: that of the scenario.
        given: fields of its record, such as `rate_limit`.
    """

    name: str
    behavior: Behavior = GOOD
    types: tuple[str, ...] = ()
    given: Mapping[str, Any] = field(default_factory=dict)
    workspace: str = ""

    def wants(self, event_type: str) -> bool:
        """Return whether it subscribes to a type."""
        return not self.types or event_type in self.types


@dataclass(frozen=True, slots=True)
class Traffic:
    """The traffic until the last fault has happened.

    Attributes:
        events: minimum number of events.
        per_s: events per second.
        types: event types, in rotation.
        padding: bytes to add to the events, in rotation.
    """

    events: int
    per_s: float
    types: tuple[str, ...] = (APPROVED,)
    padding: tuple[int, ...] = (0,)


@dataclass(frozen=True, slots=True)
class Crew:
    """A worker.

    Attributes:
        lane: its lane; empty: both.
        wedgeable: whether its event loop can be blocked (see `Wedge`).
        program: a `plaudit` of another release; empty: this one.
        environment: its own settings.
    """

    lane: str = ""
    wedgeable: bool = False
    program: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Delivered:
    """The moment at which this many deliveries were answered with 2xx."""

    count: int


@dataclass(frozen=True, slots=True)
class Published:
    """The moment at which the brokers have acknowledged this many events."""

    count: int


@dataclass(frozen=True, slots=True)
class Later:
    """A time after the previous fault, or after the start."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Serving:
    """The moment at which a worker has had partitions of both lanes for this long."""

    worker: int
    seconds: float


@dataclass(frozen=True, slots=True)
class AllServing:
    """The moment at which every living worker has had partitions of both lanes for this long."""

    seconds: float


When: TypeAlias = "Delivered | Published | Later | Serving | AllServing"


@dataclass(frozen=True, slots=True)
class Kill:
    """SIGKILL for a worker, counted from 0 in the order of their start."""

    worker: int


@dataclass(frozen=True, slots=True)
class Leave:
    """SIGTERM for a worker; it has to finish, commit and exit with 0."""

    worker: int


@dataclass(frozen=True, slots=True)
class Join:
    """One more worker."""

    crew: Crew = Crew()


@dataclass(frozen=True, slots=True)
class Freeze:
    """SIGSTOP for a worker: the whole process pauses, including its heartbeats."""

    worker: int


@dataclass(frozen=True, slots=True)
class Thaw:
    """SIGCONT for a worker."""

    worker: int


@dataclass(frozen=True, slots=True)
class Wedge:
    """Blocks the event loop of a `wedgeable` worker until the worker exits; other threads run."""

    worker: int


@dataclass(frozen=True, slots=True)
class KillBroker:
    """SIGKILL for a broker, counted from 1; 0: all of them."""

    node: int = 0


@dataclass(frozen=True, slots=True)
class KillLeader:
    """SIGKILL for the broker that leads most partitions of the installation."""


@dataclass(frozen=True, slots=True)
class StopBroker:
    """SIGTERM for a broker, counted from 1: its leaders and coordinators move before it ends."""

    node: int


@dataclass(frozen=True, slots=True)
class FillDisk:
    """Fills the disk of a broker, counted from 1, which ends it."""

    node: int


@dataclass(frozen=True, slots=True)
class StartBrokers:
    """Starts all stopped brokers, and waits until they answer."""


@dataclass(frozen=True, slots=True)
class Configure:
    """Changes the configuration of a topic; its name without the prefix."""

    topic: str
    config: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Grow:
    """Adds partitions to a topic; its name without the prefix."""

    topic: str
    partitions: int


@dataclass(frozen=True, slots=True)
class Right:
    """A permission.

    Attributes:
        kind: `topic` or `group`.
        name: name without the prefix.
        operation: `read` or `write`.
    """

    kind: Literal["topic", "group"]
    name: str
    operation: Literal["read", "write"]

    def __str__(self) -> str:
        return f"{self.operation} {self.name}"


@dataclass(frozen=True, slots=True)
class TakeAway:
    """Revokes permissions of the workers' user (see `lab.guarded`)."""

    rights: tuple[Right, ...]


@dataclass(frozen=True, slots=True)
class GiveBack:
    """Restores permissions of the workers' user."""

    rights: tuple[Right, ...]


@dataclass(frozen=True, slots=True)
class SetPassword:
    """Changes the password of the workers' user."""

    password: str


Fault: TypeAlias = (
    "Kill | Leave | Join | Freeze | Thaw | Wedge | KillBroker | KillLeader | StopBroker"
    " | FillDisk | StartBrokers | Configure | Grow | TakeAway | GiveBack | SetPassword"
)
Step: TypeAlias = "tuple[When, Fault]"


@dataclass(frozen=True, slots=True)
class Scenario:
    """A scenario.

    Attributes:
        name: sentence for the report.
        crew: initial workers.
        steps: faults, in order.
        ends: further allowed outcomes, by subscriber.
        within_s: time after which missing deliveries count as lost.
        repetitions: allowed number of unexplained repetitions, since a planned rebalance repeats
            requests that outlast its grace period. UNCOUNTED: a fault makes members lose their
            partitions, so that deliveries of surviving workers are repeated, too.
        exits: exit codes of workers that end on their own, by number.
    """

    name: str
    traffic: Traffic
    subscribers: tuple[Subscriber, ...]
    crew: tuple[Crew, ...] = (Crew(), Crew())
    steps: tuple[Step, ...] = ()
    ends: Mapping[str, frozenset[str]] = field(default_factory=dict)
    within_s: float = 90.0
    repetitions: int = IN_FLIGHT
    exits: Mapping[int, int] = field(default_factory=dict)
