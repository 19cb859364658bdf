"""Outcome of the events so far: pure, from the observations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from plaudit.dev.subscribers import NAMES, ReceivedRequests


@dataclass
class EndpointTally:
    """Deliveries to one endpoint, as the log of attempts tells.

    Attributes:
        attempts: HTTP attempts.
        delivered: ids of deliveries that were.
        dead: ids of deliveries that are dead letters.
        retrying: ids of deliveries that wait in a tier.
    """

    attempts: int = 0
    delivered: set[str] = field(default_factory=set)
    dead: set[str] = field(default_factory=set)
    retrying: set[str] = field(default_factory=set)

    def take(self, attempt: Mapping[str, Any]) -> None:
        """Count one attempt record."""
        delivery = attempt["delivery_id"]
        self.attempts += attempt["total_ms"] is not None
        self.retrying.discard(delivery)
        match attempt["outcome"]:
            case "delivered":
                self.delivered.add(delivery)
            case "dead" | "gone":
                self.dead.add(delivery)
            case "retrying" | "diverted":
                self.retrying.add(delivery)

    @property
    def final(self) -> int:
        """Deliveries that are at their end."""
        return len(self.delivered | self.dead)


@dataclass(frozen=True, slots=True)
class RunVerdict:
    """Whether a run with a fixed number of events ended as it must.

    Attributes:
        final: every delivery is at its end.
        wrong: what is not as it must be, one line each; empty when all is well.
    """

    final: bool
    wrong: tuple[str, ...]


def judge(
    events: int,
    published: int,
    fates: Mapping[str, EndpointTally],
    books: Mapping[str, ReceivedRequests],
    dead_letters: Mapping[str, int],
) -> RunVerdict:
    """Compare the log, the subscribers' own books and the dead-letter topic with what must be.

    Args:
        events: how many were to be published.
        published: how many the brokers have acknowledged.
        fates: counts by subscriber, from the log of attempts.
        books: received requests by subscriber.
        dead_letters: dead letters by subscriber.
    """
    final = published == events and all(fates[name].final >= events for name in NAMES)
    wanted = {"good": (events, 0), "flaky": (events, 0), "broken": (0, events)}
    wrong = [] if published == events else [f"published {published} events of {events}"]
    for name, (delivered, dead) in wanted.items():
        checks = (
            ("deliveries in the log", len(fates[name].delivered), delivered),
            ("events in the subscriber's own books", books[name].delivered, delivered),
            ("dead letters in the log", len(fates[name].dead), dead),
            ("dead letters in the topic", dead_letters.get(name, 0), dead),
            ("requests that did not verify", books[name].refused, 0),
        )
        wrong += [
            f"{name}: {found} {what}, not {must}" for what, found, must in checks if found != must
        ]
    return RunVerdict(final, tuple(wrong))
