"""Lag of a recorder's partitions, without extra requests."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from plaudit.kafka.read.consumer import Partition


class RecordingLag(NamedTuple):
    """Records of a partition that are not in the log.

    Attributes:
        records: number of records, including gaps in the offsets.
        oldest_ms: append time of the oldest or, before it is read, the time when its lag was first
            measured; None without lag.
    """

    records: int
    oldest_ms: int | None

    def behind_s(self, now_ms: int) -> float:
        """Return the age of the oldest record."""
        oldest_ms = now_ms if self.oldest_ms is None else self.oldest_ms
        return max(0, now_ms - oldest_ms) / 1_000


class RecorderLag:
    """Lag of each partition; the recorder's thread writes it, and any thread may read it.

    Args:
        end_of: returns the end of a partition's log, without a request; None if unknown.

    Attributes:
        lags: lag by partition; the mapping is replaced, not changed.
    """

    def __init__(self, end_of: Callable[[Partition], int | None]) -> None:
        self._end_of = end_of
        self._in_hand: dict[Partition, tuple[int, int]] = {}
        self._seen: dict[Partition, tuple[int, int]] = {}
        self.lags: Mapping[Partition, RecordingLag] = {}

    def note_read(self, partition: Partition, offset: int, timestamp_ms: int) -> None:
        """Record that a record was read and is not written yet."""
        self._in_hand.setdefault(partition, (offset, timestamp_ms))

    def note_written(self) -> None:
        """Record that all read records are written."""
        self._in_hand.clear()

    def measure(self, read_to: Mapping[Partition, int], now_ms: int) -> None:
        """Measure the lag.

        Args:
            read_to: the next offset to read of each assigned partition.
            now_ms: epoch milliseconds.
        """
        lags, seen = {}, {}
        for partition, place in read_to.items():
            first, oldest_ms = self._in_hand.get(partition, (place, None))
            records = max(0, (self._end_of(partition) or 0) - first, place - first)
            if records and oldest_ms is None:
                before = self._seen.get(partition)
                oldest_ms = now_ms if before is None or before[0] != first else before[1]
                seen[partition] = (first, oldest_ms)
            lags[partition] = RecordingLag(records, oldest_ms)
        self.lags, self._seen = lags, seen
