"""Outcomes of a development run, computed from its observations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from plaudit.dev.subscribers import NAMES, ReceivedRequests


@dataclass
class EndpointTally:
    """Deliveries to one endpoint, according to the log of attempts.

    Attributes:
        attempts: HTTP attempts.
        delivered: ids of successful deliveries.
        dead: ids of dead letters.
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
        """Number of final deliveries."""
        return len(self.delivered | self.dead)


@dataclass(frozen=True, slots=True)
class RunVerdict:
    """Verdict on a run with a fixed number of events.

    Attributes:
        final: whether every delivery is final.
        wrong: deviations, one line each; empty if the run is correct.
    """

    final: bool
    wrong: tuple[str, ...]


def judge(
    events: int,
    published: int,
    tallies: Mapping[str, EndpointTally],
    received: Mapping[str, ReceivedRequests],
    dead_letters: Mapping[str, int],
) -> RunVerdict:
    """Compare the log, the received requests and the dead-letter topic with the expected outcome.

    Args:
        events: number of events to publish.
        published: number of acknowledged events.
        tallies: counts by subscriber, from the log of attempts.
        received: received requests by subscriber.
        dead_letters: dead letters by subscriber.
    """
    final = published == events and all(tallies[name].final >= events for name in NAMES)
    wanted = {"good": (events, 0), "flaky": (events, 0), "broken": (0, events)}
    wrong = [] if published == events else [f"published {published} events of {events}"]
    for name, (delivered, dead) in wanted.items():
        checks = (
            ("deliveries in the log", len(tallies[name].delivered), delivered),
            ("events that the subscriber received", received[name].delivered, delivered),
            ("dead letters in the log", len(tallies[name].dead), dead),
            ("dead letters in the topic", dead_letters.get(name, 0), dead),
            ("requests that did not verify", received[name].refused, 0),
        )
        wrong += [
            f"{name}: {found} {what}, not {must}" for what, found, must in checks if found != must
        ]
    return RunVerdict(final, tuple(wrong))
