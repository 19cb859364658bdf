"""Blocked partitions, with their log events."""

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

LOG_AGAIN_S: Final = 60.0


class RecordBlocked(Exception):
    """A record can't be processed yet.

    Attributes:
        reason: what is missing, and the remedy.
        everywhere: whether it blocks every partition, so that one log event suffices; otherwise
            only the record's partition.
    """

    def __init__(self, reason: str, *, everywhere: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.everywhere = everywhere


@dataclass(slots=True)
class Blockage:
    """One blocked partition.

    Attributes:
        assignment: the partition, as this worker holds it.
        offset: offset of the record that blocks it.
        due_ms: when the record was due, by the brokers' clock.
        reason: why it can't be processed.
        by_record: whether this record alone blocks it.
        since: monotonic seconds.
        logged_at: time of the last log event, monotonic seconds.
    """

    assignment: Assignment
    offset: int
    due_ms: int
    reason: str
    by_record: bool
    since: float
    logged_at: float = field(default=float("-inf"))

    @property
    def partition(self) -> Partition:
        """The partition."""
        return self.assignment.partition

    def seconds(self) -> float:
        """Return the seconds since it was blocked."""
        return time.monotonic() - self.since

    def describe(self) -> str:
        """Return the blockage in one line."""
        topic, number = self.partition
        return f"{topic}[{number}] waits at offset {self.offset}: {self.reason}"


class Blockages:
    """Blocked partitions of a lane; written by the event loop, read by any thread.

    Args:
        monotonic: seconds.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._all: dict[Assignment, Blockage] = {}

    @property
    def now(self) -> Sequence[Blockage]:
        """Partitions that are blocked now; a snapshot."""
        return [each for each in tuple(self._all.values()) if each.assignment.active]

    @property
    def assignments(self) -> AbstractSet[Assignment]:
        """Assignments that are noted and have not resumed; in the event loop's thread."""
        return self._all.keys()

    def note(self, record: Record, wait: RecordBlocked) -> None:
        """Note that a record blocks its partition, and log it once a minute."""
        now, known = self._monotonic(), self._all.get(record.assignment)
        is_news = known is None or known.reason != wait.reason
        if known is None or known.offset != record.offset:
            known = self._all[record.assignment] = Blockage(
                record.assignment, record.offset, record.due_ms, "", not wait.everywhere, now
            )
        logged = wait.everywhere and any(
            each is not known and each.reason == wait.reason for each in self._all.values()
        )
        known.reason, known.by_record = wait.reason, not wait.everywhere
        if not logged and (is_news or now >= known.logged_at + LOG_AGAIN_S):
            known.logged_at = now
            _log.warning(
                "partition.blocked",
                extra={
                    "partition": str(known.partition),
                    "offset": known.offset,
                    "reason": known.reason,
                    "for_s": round(now - known.since),
                },
            )

    def resumed(self, assignment: Assignment) -> None:
        """Note that a partition resumes."""
        known = self._all.pop(assignment, None)
        if known is not None and assignment.active and known.logged_at > float("-inf"):
            waited_s = round(self._monotonic() - known.since)
            extra = {"partition": str(known.partition), "waited_s": waited_s}
            _log.info("partition.resumed", extra=extra)


def overdue_s(blocked: Iterable[Blockage], assignments: Iterable[Assignment], now_ms: int) -> float:
    """Return the seconds since the oldest unprocessed record in hand was due."""
    dues = [each.due_ms for each in blocked]
    for assignment in assignments:
        with suppress(IndexError):  # the consumer thread may have just removed it
            due_ms = assignment.intake.next_due_ms
            if due_ms is not None:
                dues.append(due_ms)
    return max(0, now_ms - min(dues, default=now_ms)) / 1_000
