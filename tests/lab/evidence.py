"""Evidence of a run: accepted events, arrivals, and records in the topics."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from plaudit.kafka.read.consumer import Partition

UNKNOWN_MS: Final = 1 << 62


class Accepted(NamedTuple):
    """An event that the brokers acknowledged.

    Attributes:
        at_ms: append time by the brokers' clock.
        digest: digest of the expected body; empty if any body is right.
        workspace: workspace of the event.
    """

    type: str
    partition: Partition
    offset: int
    at_ms: int
    digest: bytes
    workspace: str = ""


class Arrival(NamedTuple):
    """A received request.

    Attributes:
        event: its `webhook-id`.
        at_ms: time at which it was complete.
        status: status of the answer; 0 without an answer.
        digest: digest of the body.
        wrong: error of the request itself (`signature`, `body`); empty if none.
    """

    subscriber: str
    event: str
    at_ms: int
    status: int
    digest: bytes
    wrong: str


class Line(NamedTuple):
    """An attempt record."""

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
        attempts: attempts before it was written.
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
    """Position of a group in a partition: the offset, and finished offsets above it."""

    offset: int
    ahead: frozenset[int] = frozenset()

    def covers(self, offset: int) -> bool:
        """Return whether the group has finished a record."""
        return offset < self.offset or offset in self.ahead


@dataclass(frozen=True, slots=True, eq=False)
class Killed:
    """A killed worker, with the commits of the groups at that time.

    Attributes:
        worker: process id.
        places: positions in its partitions; None: never committed.
    """

    at_ms: int
    worker: int
    places: Mapping[Partition, Committed | None]

    def may_repeat(self, partition: Partition, offset: int) -> bool:
        """Return whether the worker held a record without having committed it."""
        if partition not in self.places:
            return False
        place = self.places[partition]
        return place is None or not place.covers(offset)


@dataclass(frozen=True, slots=True)
class Evidence:
    """Input of the ledger.

    Attributes:
        published: ids of all events that were sent, acknowledged or not.
        wanted: subscribed types of each subscriber; empty: all.
        ends: allowed outcomes for each subscriber: `delivered`, or reasons of dead letters.
        resends: subscribers whose resets make a client send a request twice.
        homes: workspace of each subscriber; empty: all share one.
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
        """Return whether a subscriber should receive an event."""
        types = self.wanted[subscriber]
        at_home = not self.homes or self.homes[subscriber] == accepted.workspace
        return at_home and (not types or accepted.type in types)

    def subscribers(self, accepted: Accepted) -> list[str]:
        """Return the subscribers that should receive an event; cached for each kind of event."""
        sort = accepted.workspace, accepted.type
        found = self._subscribers.get(sort)
        if found is None:
            found = [each for each in self.wanted if self.is_wanted(each, accepted)]
            self._subscribers[sort] = found
        return found
