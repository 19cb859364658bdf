"""Check of a group's positions against the log, after assignments and fetch errors."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Final, Protocol, TypeVar

from plaudit.kafka.read.consumer import CommittedOffset, Partition
from plaudit.kafka.read.positions import PastEnd, Resumption, resume
from plaudit.logs.logger import event_logger

_log = event_logger(__name__)

CONFIRM_AFTER_S: Final = 1.0
"""Pause before a second query: a new leader may report a wrong end, and rereading costs more."""

_T = TypeVar("_T")
Ask = Callable[[Callable[[], _T]], _T]


class Logs(Protocol):
    """Part of a consumer that the check needs."""

    def ends_of(self, partitions: list[Partition]) -> dict[Partition, int]:
        """Return the offset after the last record of each; raises KafkaFailure."""
        ...

    def bounds(self, partition: Partition) -> tuple[int, int]:
        """Return the first offset and the one after the last; raises KafkaFailure."""
        ...


class PositionCheck:
    """Finds positions that the log does not have; belongs to the consumer's thread.

    Args:
        logs: queries the brokers.
        choice: start position when a position is past the end of its log.
        on_reset: called for every such position.
        sleep: waits for some seconds.
    """

    def __init__(
        self,
        logs: Logs,
        choice: PastEnd,
        on_reset: Callable[[Partition], None],
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self._logs = logs
        self._choice = choice
        self._on_reset = on_reset
        self._sleep = sleep

    def past_end(self, places: Mapping[Partition, CommittedOffset]) -> dict[Partition, int]:
        """Return the start positions of partitions whose position is past the end of the log."""
        known = {each: place.offset for each, place in places.items() if place.offset is not None}
        if not known:
            return {}
        ends = self._logs.ends_of(list(known))
        suspects = {each: offset for each, offset in known.items() if offset > ends[each]}
        starts = {}
        for partition, offset in suspects.items():
            found = self.resumption(partition, offset)
            if found.past_end:
                starts[partition] = found.offset
        return starts

    def restart(self, partition: Partition, position: int) -> int:
        """Return the start position in a recreated topic; log it and notify."""
        low, high = self._logs.bounds(partition)
        start = low if self._choice is PastEnd.START else high
        self._on_reset(partition)
        where = {"partition": str(partition), "position": position, "reading_on_at": start}
        _log.error("topic.recreated", extra={**where, "skipped": start - low})
        return start

    def resumption(self, partition: Partition, position: int) -> Resumption:
        """Return where to continue in one partition; log and notify when it is past the end."""
        found = resume(position, *self._logs.bounds(partition), self._choice)
        if not found.past_end:
            return found
        self._sleep(CONFIRM_AFTER_S)
        low, high = self._logs.bounds(partition)
        found = resume(position, low, high, self._choice)
        if found.past_end:
            self._on_reset(partition)
            _log.error(
                "position.past_end",
                extra={
                    "partition": str(partition),
                    "position": position,
                    "log_start": low,
                    "log_end": high,
                    "reading_on_at": found.offset,
                    "skipped": found.offset - low,
                },
            )
        return found
