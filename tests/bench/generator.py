"""The load generator of open-loop runs: events are published when they are due, come what may."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from bench.figures import percentile
from bench.installation import Site, events
from plaudit.kafka.settings import KafkaSettings
from plaudit.publish import Publisher

WATCH_S: Final = 0.1
_AHEAD_S: Final = 0.2


@dataclass(slots=True)
class Schedule:
    """A schedule: the due time of each event, and its delay.

    Attributes:
        due_ns: by event id, on the monotonic clock; the latency of an event counts from here, not
            from when a late generator came round to sending it.
        late_ns: by how much each was sent too late.
    """

    due_ns: dict[str, int] = field(default_factory=dict)
    late_ns: list[int] = field(default_factory=list)

    @property
    def behind_ms(self) -> float:
        """The 99th percentile of being late."""
        return percentile(sorted(self.late_ns), 0.99) / 1e6 if self.late_ns else 0.0


def publish_on_schedule(
    settings: KafkaSettings,
    sites: Sequence[Site],
    rate: float,
    count: int,
    watch: Callable[[], None],
) -> Schedule:
    """Publish this many events at a fixed rate; return when each was due.

    Args:
        settings: where to.
        sites: whose events, one after the other.
        rate: events per second.
        count: how many.
        watch: called ten times a second meanwhile.

    Raises:
        ProducerClosed: the brokers don't have all of them.
    """
    schedule = Schedule()
    gap_ns = 1e9 / rate
    with Publisher(settings, source="/plaudit/bench") as publisher:
        begin_ns = time.monotonic_ns() + int(_AHEAD_S * 1e9)
        watched_ns = begin_ns
        for number, event in enumerate(events(sites, count)):
            due_ns = begin_ns + int(number * gap_ns)
            now_ns = _until(due_ns)
            publisher.publish(event)
            schedule.due_ns[str(event.meta.event_id)] = due_ns
            schedule.late_ns.append(now_ns - due_ns)
            if now_ns - watched_ns > WATCH_S * 1e9:
                watched_ns = now_ns
                watch()
    return schedule


def _until(due_ns: int) -> int:
    """Sleep until then; return when it is."""
    while (now_ns := time.monotonic_ns()) < due_ns:
        time.sleep((due_ns - now_ns) / 1e9)
    return now_ns
