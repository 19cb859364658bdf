"""The evidence of a run: accepted events, arrivals, and records in the topics."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from plaudit.kafka.read.consumer import Partition

UNKNOWN_MS: Final = 1 << 62


class Accepted(NamedTuple):
    """An event that the brokers acknowledged.

    Attributes:
        at_ms: when, by the brokers' clock.
        digest: of the body that subscribers are to get; empty when any will do.
        workspace: whose event it is.
    """

    type: str
    partition: Partition
    offset: int
    at_ms: int
    digest: bytes
    workspace: str = ""


class Arrival(NamedTuple):
    """A request that came in.

    Attributes:
        event: its `webhook-id`.
        at_ms: when it was complete.
        status: of the answer; 0: none.
        digest: of the body.
        wrong: what is wrong with it by itself (`signature`, `body`); empty: nothing.
    """

    subscriber: str
    event: str
    at_ms: int
    status: int
    digest: bytes
    wrong: str


class Line(NamedTuple):
    """A line of the attempts' log."""

    subscriber: str
    event: str
    number: int
    outcome: str
    trigger: str
    started_at_ms: int
    worker: int
    origin: Partition
    reason: str = ""


class Waiting(NamedTuple):
    """A record in a `deliveries.*` topic.

    Attributes:
        attempts: made before it was written.
        due_ms: append time and the tier's delay.
        written_ms: append time.
    """

    subscriber: str
    event: str
    attempts: int
    diversions: int
    partition: Partition
    offset: int
    due_ms: int
    written_ms: int = UNKNOWN_MS


class Letter(NamedTuple):
    """A dead letter."""

    subscriber: str
    event: str
    reason: str


@dataclass(frozen=True, slots=True)
class Committed:
    """The position of a group in a partition: the offset, and what is done above it."""

    offset: int
    ahead: frozenset[int] = frozenset()

    def covers(self, offset: int) -> bool:
        """Return whether a record is done."""
        return offset < self.offset or offset in self.ahead


@dataclass(frozen=True, slots=True, eq=False)
class Killed:
    """A worker that was killed, and what the groups had committed at that moment.

    Attributes:
        worker: its process id.
        places: of the partitions that it held; None: never committed.
    """

    at_ms: int
    worker: int
    places: Mapping[Partition, Committed | None]

    def may_repeat(self, partition: Partition, offset: int) -> bool:
        """Return whether a record was the worker's, and not committed."""
        if partition not in self.places:
            return False
        place = self.places[partition]
        return place is None or not place.covers(offset)


@dataclass(frozen=True, slots=True)
class Evidence:
    """Everything that the ledger judges.

    Attributes:
        published: ids of all events that were sent, acknowledged or not.
        wanted: per subscriber, the types that it is to get; empty: all.
        ends: per subscriber, how a delivery has to end: `delivered`, or its dead letter's reasons.
        resends: subscribers that make a client send a request twice (they reset connections).
        homes: per subscriber, its workspace; empty: all are in the same one.
    """

    published: frozenset[str]
    accepted: Mapping[str, Accepted]
    arrivals: list[Arrival]
    lines: list[Line]
    waiting: list[Waiting]
    letters: list[Letter]
    kills: tuple[Killed, ...]
    wanted: Mapping[str, frozenset[str]]
    ends: Mapping[str, frozenset[str]]
    resends: frozenset[str] = field(default_factory=frozenset)
    homes: Mapping[str, str] = field(default_factory=dict)

    _subscribers: dict[tuple[str, str], list[str]] = field(default_factory=dict)

    def is_wanted(self, subscriber: str, accepted: Accepted) -> bool:
        """Return whether a subscriber is to get an event."""
        types = self.wanted[subscriber]
        at_home = not self.homes or self.homes[subscriber] == accepted.workspace
        return at_home and (not types or accepted.type in types)

    def subscribers(self, accepted: Accepted) -> list[str]:
        """Return the subscribers that are to get an event; looked up once for each sort."""
        sort = accepted.workspace, accepted.type
        found = self._subscribers.get(sort)
        if found is None:
            found = [each for each in self.wanted if self.is_wanted(each, accepted)]
            self._subscribers[sort] = found
        return found
