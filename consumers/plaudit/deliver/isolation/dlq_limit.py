"""Flood protection: pauses a partition in which most records are unreadable.

A single unreadable record is a mistake of its producer, and becomes a dead letter. If most records
of a minute are unreadable, the mistake is probably in this release, which can't read what others
write. If all of them became dead letters, an operator would have to redrive them. So the limiter
pauses the partition, each time for longer, which leaves time for a fix. After each pause it allows
four times as many, so that a million stray records delay the events behind them by an hour only.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from plaudit.deliver.offsets.assignment import Assignment
from plaudit.deliver.offsets.blocked import RecordBlocked

WINDOW_S: Final = 60.0
FEW: Final = 100
"""Unreadable records a minute that are always allowed, for partitions with little traffic."""
MORE_SHIFT: Final = 2
"""The limit grows fourfold after each pause."""
PAUSES_S: Final[tuple[float, ...]] = (60.0, 120.0, 240.0, 480.0)
MOST_PAUSES: Final = 12


@dataclass(slots=True)
class MinuteCounts:
    """Records of one partition in the current minute.

    Attributes:
        began_at: monotonic seconds.
        read: all records.
        unreadable: those that became dead letters.
        stopped: reason of the pause; None: the partition is not paused.
        until: when the pause ends, monotonic seconds.
        pauses: pauses in a row; a minute below the limit ends the row.
    """

    began_at: float
    read: int = 0
    unreadable: int = 0
    stopped: str | None = None
    until: float = 0.0
    pauses: int = 0

    @property
    def few(self) -> int:
        """Unreadable records that are allowed in this minute whatever their share."""
        return FEW << (MORE_SHIFT * self.pauses)

    def take(self, now: float) -> None:
        """Count a record."""
        if now >= self.began_at + WINDOW_S:
            if self.unreadable <= FEW:
                self.pauses = 0
            self.began_at, self.read, self.unreadable = now, 0, 0
        self.read += 1

    def allows_unreadable(self, now: float, share: float) -> bool:
        """Count an unreadable record; return False if it exceeds the limit."""
        self.take(now)
        if self.unreadable >= self.few and self.unreadable + 1 > share * self.read:
            return False
        self.unreadable += 1
        return True

    def pause(self, now: float, reason: str) -> None:
        """Pause the partition."""
        pause_s = PAUSES_S[min(self.pauses, len(PAUSES_S) - 1)]
        self.until = now + pause_s
        self.stopped = (
            f"flood: {self.unreadable} of its last {self.read} records were dead-lettered, now "
            f"{reason}; put the release or the producer right; it resumes by itself {pause_s:g} s "
            "after that; PLAUDIT_FLOOD_SHARE=1 dead-letters them all at once"
        )

    def resume(self, now: float) -> None:
        """Begin a new minute with a higher limit."""
        self.stopped = None
        self.pauses = min(self.pauses + 1, MOST_PAUSES)
        self.began_at, self.read, self.unreadable = now, 0, 0


class DlqLimiter:
    """Limits unreadable records in each partition of a lane.

    Args:
        share: part of a partition's records in a minute that may be unreadable; 1: all.
        clock: monotonic seconds.
    """

    def __init__(self, share: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._share = share
        self._clock = clock
        self._minutes: dict[Assignment, MinuteCounts] = {}
        # Records arrive in batches, sorted by partition: usually the partition is the previous one.
        self._last: tuple[Assignment, MinuteCounts] | None = None

    @property
    def stopped(self) -> int:
        """Number of paused partitions."""
        minutes = tuple(self._minutes.items())
        return sum(each.active and minute.stopped is not None for each, minute in minutes)

    def count_readable(self, assignment: Assignment) -> None:
        """Count a readable record."""
        self._minute(assignment).take(self._clock())

    def count_unreadable(self, assignment: Assignment, reason: str) -> None:
        """Count an unreadable record.

        Raises:
            RecordBlocked: there are too many, so the partition is paused.
        """
        minute, now = self._minute(assignment), self._clock()
        if minute.stopped is not None and now >= minute.until:
            minute.resume(now)
        if minute.stopped is None and not minute.allows_unreadable(now, self._share):
            minute.pause(now, reason)
        if minute.stopped is not None:
            raise RecordBlocked(minute.stopped)

    def resume(self, assignment: Assignment) -> None:
        """End a pause now."""
        minute = self._minute(assignment)
        if minute.stopped is not None:
            minute.resume(self._clock())

    def _minute(self, assignment: Assignment) -> MinuteCounts:
        last = self._last
        if last is not None and last[0] is assignment:
            return last[1]
        minute = self._minutes.get(assignment)
        if minute is None:
            for given_up in [each for each in self._minutes if not each.active]:
                del self._minutes[given_up]
            minute = self._minutes[assignment] = MinuteCounts(self._clock())
        self._last = assignment, minute
        return minute
