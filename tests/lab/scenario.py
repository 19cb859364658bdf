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
    """The answers of a subscriber.

    Attributes:
        after_s: how long it takes over each answer; with a spread, the median.
        spread: of a lognormal distribution; 0.5 makes p99 three times the median.
        slows_at: other open requests that double the time of an answer; 0: off.
        per_s: requests that it takes in a second, the others fail at once; 0: all.
        fails: how many requests of each event it fails before it takes it.
        one_in: one event in this many fails, at most as often as it is retried.
        failure: how: with a status, or as `lab.toxics` says.
        retry_after_s: what a failure asks for; None: nothing.
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
        """Return how a delivery ends: `delivered`, or the reason of its dead letter.

        Args:
            retries: how often it is tried again.
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
        types: of the events that it wants; none named: all.
        workspace: whose events it gets; empty: the scenario has one workspace.
        given: fields of its record, such as `rate_limit`.
    """

    name: str
    behavior: Behavior = GOOD
    types: tuple[str, ...] = ()
    given: Mapping[str, Any] = field(default_factory=dict)
    workspace: str = ""

    def wants(self, event_type: str) -> bool:
        """Return whether it is to get events of a type."""
        return not self.types or event_type in self.types


@dataclass(frozen=True, slots=True)
class Traffic:
    """The traffic until the last fault has happened.

    Attributes:
        events: how many at least.
        per_s: how fast.
        types: in turn.
        padding: bytes added to the events, in turn.
    """

    events: int
    per_s: float
    types: tuple[str, ...] = (APPROVED,)
    padding: tuple[int, ...] = (0,)


@dataclass(frozen=True, slots=True)
class Crew:
    """A deliver process.

    Attributes:
        lane: the one that it serves; empty: both.
        wedgeable: its event loop can be blocked; see `Wedge`.
        program: a `plaudit` of another release; empty: this one.
        environment: settings of its own.
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
    """So long after the fault before, or after the start."""

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
    """SIGKILL for a worker, counted from 0 in the order in which they were started."""

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
    """SIGSTOP for a worker: the whole process stands still, its heartbeats too."""

    worker: int


@dataclass(frozen=True, slots=True)
class Thaw:
    """SIGCONT for a worker."""

    worker: int


@dataclass(frozen=True, slots=True)
class Wedge:
    """The event loop of a `wedgeable` worker hangs until the worker ends itself; others run."""

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
    """SIGTERM for a broker, counted from 1: its leaders and coordinators move away in order."""

    node: int


@dataclass(frozen=True, slots=True)
class FillDisk:
    """A broker, counted from 1, can't write any more, which ends it."""

    node: int


@dataclass(frozen=True, slots=True)
class StartBrokers:
    """Every broker that does not run is started; returns when all answer."""


@dataclass(frozen=True, slots=True)
class Configure:
    """A topic's configuration changes; the topic's name without its prefix."""

    topic: str
    config: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Grow:
    """A topic gets partitions; the topic's name without its prefix."""

    topic: str
    partitions: int


@dataclass(frozen=True, slots=True)
class Right:
    """Something that a user may do.

    Attributes:
        kind: of what: `topic` or `group`.
        name: of it, without its prefix.
        operation: `read` or `write`.
    """

    kind: Literal["topic", "group"]
    name: str
    operation: Literal["read", "write"]

    def __str__(self) -> str:
        return f"{self.operation} {self.name}"


@dataclass(frozen=True, slots=True)
class TakeAway:
    """The workers' user loses rights; see `lab.guarded`."""

    rights: tuple[Right, ...]


@dataclass(frozen=True, slots=True)
class GiveBack:
    """The workers' user gets rights back."""

    rights: tuple[Right, ...]


@dataclass(frozen=True, slots=True)
class SetPassword:
    """The password of the workers' user is another one now."""

    password: str


Fault: TypeAlias = (
    "Kill | Leave | Join | Freeze | Thaw | Wedge | KillBroker | KillLeader | StopBroker"
    " | FillDisk | StartBrokers | Configure | Grow | TakeAway | GiveBack | SetPassword"
)
Step: TypeAlias = "tuple[When, Fault]"


@dataclass(frozen=True, slots=True)
class Scenario:
    """One run.

    Attributes:
        name: a sentence, for the report.
        crew: the workers that are there from the start.
        steps: what happens, one after the other.
        ends: per subscriber, how its deliveries may end besides what its behavior says.
        within_s: how long everything may take before it counts as lost.
        repetitions: how many that no kill explains there may be: a planned rebalance repeats what
            is under way when its grace is over. UNCOUNTED: a fault makes members of the groups lose
            their place, so that more than the killed workers' deliveries are repeated.
        exits: exit codes of workers that end by themselves, by number.
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
