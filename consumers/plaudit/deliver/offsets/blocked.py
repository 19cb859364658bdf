"""Partitions that stand still, and what is said of them while they do."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from collections.abc import Set as AbstractSet
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from plaudit.deliver.offsets.assignment import Assignment, Record
from plaudit.kafka.read.consumer import Partition
from plaudit.logs.logger import event_logger

_log = event_logger(__name__)

SAY_AGAIN_S: Final = 60.0


class RecordBlocked(Exception):
    """A record can't be judged yet.

    Attributes:
        reason: what is missing, and what brings it.
        everywhere: whether every partition lacks it, so that one need tell; else it is the record
            that holds its partition.
    """

    def __init__(self, reason: str, *, everywhere: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.everywhere = everywhere


@dataclass(slots=True)
class Blockage:
    """One partition that stands still.

    Attributes:
        assignment: the partition, as this worker holds it.
        offset: of the record that it stands at.
        due_ms: when that could have been begun, by the brokers' clock.
        reason: why it was not.
        by_record: whether this record alone is in the way.
        since: monotonic seconds.
        said_at: when it was logged last.
    """

    assignment: Assignment
    offset: int
    due_ms: int
    reason: str
    by_record: bool
    since: float
    said_at: float = field(default=float("-inf"))

    @property
    def partition(self) -> Partition:
        """Which partition."""
        return self.assignment.partition

    def seconds(self) -> float:
        """Return for how long it has stood still."""
        return time.monotonic() - self.since

    def describe(self) -> str:
        """Return it as one line for people."""
        topic, number = self.partition
        return f"{topic}[{number}] waits at offset {self.offset}: {self.reason}"


class Blockages:
    """The partitions of a lane that stand still; written by the event loop, read by any thread.

    Args:
        monotonic: seconds.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._all: dict[Assignment, Blockage] = {}

    @property
    def now(self) -> Sequence[Blockage]:
        """Those that stand still at the moment; a snapshot."""
        return [each for each in tuple(self._all.values()) if each.assignment.active]

    @property
    def assignments(self) -> AbstractSet[Assignment]:
        """Those that were noted and are not over; in the event loop's thread."""
        return self._all.keys()

    def note(self, record: Record, wait: RecordBlocked) -> None:
        """Take note that a partition stands still at a record, and log it now and then."""
        now, known = self._monotonic(), self._all.get(record.assignment)
        is_news = known is None or known.reason != wait.reason
        if known is None or known.offset != record.offset:
            known = self._all[record.assignment] = Blockage(
                record.assignment, record.offset, record.due_ms, "", not wait.everywhere, now
            )
        told = wait.everywhere and any(
            each is not known and each.reason == wait.reason for each in self._all.values()
        )
        known.reason, known.by_record = wait.reason, not wait.everywhere
        if not told and (is_news or now >= known.said_at + SAY_AGAIN_S):
            known.said_at = now
            _log.warning(
                "partition.blocked",
                extra={
                    "partition": str(known.partition),
                    "offset": known.offset,
                    "reason": known.reason,
                    "for_s": round(now - known.since),
                },
            )

    def over(self, assignment: Assignment) -> None:
        """Take note that a partition goes on."""
        known = self._all.pop(assignment, None)
        if known is not None and assignment.active and known.said_at > float("-inf"):
            waited_s = round(self._monotonic() - known.since)
            extra = {"partition": str(known.partition), "waited_s": waited_s}
            _log.info("partition.resumed", extra=extra)


def overdue_s(blocked: Iterable[Blockage], assignments: Iterable[Assignment], now_ms: int) -> float:
    """Return how long the oldest record is due that is in hand and was not begun."""
    dues = [each.due_ms for each in blocked]
    for assignment in assignments:
        with suppress(IndexError):  # the source's thread may have taken it this moment
            due_ms = assignment.intake.next_due_ms
            if due_ms is not None:
                dues.append(due_ms)
    return max(0, now_ms - min(dues, default=now_ms)) / 1_000
