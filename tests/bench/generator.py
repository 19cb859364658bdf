"""Load generator of open-loop runs, which publishes events at their due times."""

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
    """Due times of events, and delays of the generator.

    Attributes:
        due_ns: due time by event id, on the monotonic clock; latency counts from here, even if the
            generator sends the event late.
        late_ns: delay of each event.
    """

    due_ns: dict[str, int] = field(default_factory=dict)
    late_ns: list[int] = field(default_factory=list)

    @property
    def behind_ms(self) -> float:
        """The 99th percentile of the delays."""
        return percentile(sorted(self.late_ns), 0.99) / 1e6 if self.late_ns else 0.0


def publish_on_schedule(
    settings: KafkaSettings,
    sites: Sequence[Site],
    rate: float,
    count: int,
    watch: Callable[[], None],
) -> Schedule:
    """Publish events at a fixed rate; return their schedule.

    Args:
        settings: connection to Kafka.
        sites: sites of the events, in rotation.
        rate: events per second.
        count: number of events.
        watch: called ten times a second.

    Raises:
        ProducerClosed: the brokers did not acknowledge all of them.
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
    """Sleep until a time; return the actual time."""
    while (now_ns := time.monotonic_ns()) < due_ns:
        time.sleep((due_ns - now_ns) / 1e9)
    return now_ns
