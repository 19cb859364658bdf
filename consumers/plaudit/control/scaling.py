"""Due work of a lane, measured at the brokers, for autoscalers.

Lag includes retries that are not due yet. So this module counts, for each partition, the records
between the group's position and the first record that is younger than the tier's delay.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Final, NamedTuple

from plaudit.deliver.offsets.bitmap import ForeignMetadata, decode
from plaudit.kafka.read.consumer import Partition
from plaudit.kafka.read.lag import GroupPosition, LagReader
from plaudit.kafka.read.log_offsets import LogOffsets
from plaudit.kafka.read.positions import resume
from plaudit.kafka.settings import KafkaSettings
from plaudit.records.names import tier_of
from plaudit.records.times import time_text, wall_ms

FRESH_S: Final = 5.0
"""Seconds for which a result is cached, because a measurement queries every partition."""
MOST_S: Final = 30 * 24 * 3_600
"""Maximum age that is measured."""


class ScaledLane(StrEnum):
    """A lane of `plaudit deliver`."""

    EVENTS = "events"
    DELIVERIES = "deliveries"


@dataclass(frozen=True, slots=True)
class DueWork:
    """Due work of a lane.

    Attributes:
        lane: the lane.
        due_records: unfinished records that are due, including offsets of transaction markers.
        overdue_seconds: whole seconds since the oldest of them was due.
        waiting_records: unfinished records, including those that are not due yet.
        measured_at: time of the measurement, in RFC 3339.
    """

    lane: ScaledLane
    due_records: int
    overdue_seconds: int
    waiting_records: int
    measured_at: str

    def plain(self) -> dict[str, object]:
        """Return the result as plain data."""
        return asdict(self)


class _Head(NamedTuple):
    """A partition's unfinished records: from `first` to the end, without those in `done`."""

    first: int
    end: int
    done: Sequence[int]

    def before(self, end: int) -> int:
        """Return the number of unfinished records below an offset."""
        return max(0, end - self.first - sum(offset < end for offset in self.done))


class LaneReader:
    """Measures lanes; the user needs only permission to describe topics and groups.

    Args:
        settings: connection to Kafka.
        now_ms: epoch milliseconds.
    """

    def __init__(self, settings: KafkaSettings, now_ms: Callable[[], int] = wall_ms) -> None:
        self._settings = settings
        self._names = settings.names
        self._offsets = LogOffsets(settings)
        self._readers: dict[str, LagReader] = {}
        self._now_ms = now_ms

    def close(self) -> None:
        """Close the connections."""
        for reader in self._readers.values():
            reader.close()

    def read(self, lane: ScaledLane) -> DueWork:
        """Measure a lane.

        Raises:
            KafkaFailure: the brokers are unavailable, or refuse.
        """
        now_ms = self._now_ms()
        group, delays = self._lane(lane)
        heads = self._heads(group, self._offsets.partitions(list(delays)))
        moments = {each: now_ms - delays[each.topic] for each in heads}
        due_ends = self._due_ends(heads, moments, delays)
        due = {each: head.before(due_ends[each]) for each, head in heads.items()}
        late = {each: heads[each].first for each, count in due.items() if count}
        return DueWork(
            lane,
            sum(due.values()),
            self._overdue_s(late, moments),
            sum(head.before(head.end) for head in heads.values()),
            time_text(now_ms),
        )

    def _lane(self, lane: ScaledLane) -> tuple[str, Mapping[str, int]]:
        """Return the lane's group, and its topics with their delays in milliseconds."""
        names = self._names
        if lane is ScaledLane.EVENTS:
            return names.events_group, dict.fromkeys(names.event_topics, 0)
        tiers = {
            topic: delay.millis
            for topic in self._offsets.topics()
            if (delay := tier_of(topic, names.deliveries_prefix)) is not None
        }
        return names.deliveries_group, tiers

    def _heads(self, group: str, partitions: Sequence[Partition]) -> dict[Partition, _Head]:
        reader = self._readers.get(group)
        if reader is None:
            reader = self._readers[group] = LagReader(self._settings, group)
        positions = reader.positions(partitions)
        starts, ends = self._offsets.starts(partitions), self._offsets.ends(partitions)
        return {each: head(positions[each], starts[each], ends[each]) for each in partitions}

    def _due_ends(
        self,
        heads: Mapping[Partition, _Head],
        moments: Mapping[Partition, int],
        delays: Mapping[str, int],
    ) -> dict[Partition, int]:
        """Return the offset after the last due record of each partition."""
        timed = {
            each: at + 1
            for each, at in moments.items()
            if delays[each.topic] and heads[each].first < heads[each].end
        }
        younger = self._offsets.after(timed)
        return {
            each: head.end if (place := younger.get(each)) is None else place.offset
            for each, head in heads.items()
        }

    def _overdue_s(self, late: Mapping[Partition, int], moments: Mapping[Partition, int]) -> int:
        """Return for how many seconds the oldest due record has been due.

        Kafka maps times to offsets, but not offsets to times. So this searches for the time, first
        in growing steps, in all partitions at once.
        """

        def is_older_than(seconds: int) -> bool:
            asked = {each: moments[each] - seconds * 1_000 for each in late}
            places = self._offsets.after(asked)
            return any(place is None or place.offset > late[each] for each, place in places.items())

        low, high = 0, 1
        while high < MOST_S and is_older_than(high):
            low, high = high, high * 4
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if is_older_than(middle) else (low, middle)
        return low


def head(position: GroupPosition, start: int, end: int) -> _Head:
    """Return the unfinished records of a partition.

    Args:
        position: position of the group.
        start: the first offset in the log.
        end: the one after the last.
    """
    if position.offset is None:
        return _Head(start, end, ())
    first = resume(position.offset, start, end).offset
    try:
        done = decode(position.offset, position.metadata)
    except ForeignMetadata:
        done = []
    return _Head(first, end, [offset for offset in done if first < offset < end])


class ScalingView:
    """Cached results for autoscalers; safe to use from any thread.

    Args:
        read: measures a lane.
        monotonic: seconds.
    """

    def __init__(
        self, read: Callable[[ScaledLane], DueWork], monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._read = read
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._known: dict[ScaledLane, tuple[float, DueWork]] = {}

    def of(self, lane: ScaledLane) -> DueWork:
        """Return the due work of a lane.

        Raises:
            KafkaFailure: the brokers are unavailable, or refuse.
        """
        with self._lock:
            known = self._known.get(lane)
            if known is None or self._monotonic() >= known[0] + FRESH_S:
                known = self._known[lane] = (self._monotonic(), self._read(lane))
            return known[1]
