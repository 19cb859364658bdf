"""Flood protection: a partition whose records would go to the dead letters in bulk is paused.

One record that is no event is a producer's mistake, and its dead letter is where it belongs. When
most records of a minute are none, the mistake is ours: a release that can't read what others write.
Emptying the topic into the dead letters would only move the work to those who send it all again.
So the partition is paused, and each time for longer, which leaves time to put it right. But after
each pause it may send four times as many, so that a million stray records hold up the events behind
them for an hour, and not for ever.
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
"""So many a minute go whatever their share: a partition with little traffic is not paused."""
MORE_SHIFT: Final = 2
"""After each pause four times as many may go."""
PAUSES_S: Final[tuple[float, ...]] = (60.0, 120.0, 240.0, 480.0)
MOST_PAUSES: Final = 12


@dataclass(slots=True)
class Minute:
    """What one partition brought in the minute that runs.

    Attributes:
        began_at: monotonic seconds.
        taken: its records.
        buried: of these, those that went to the dead letters.
        stopped: why nothing more is buried; None: it may be.
        until: when the pause ends, monotonic seconds.
        pauses: in a row, without a minute between them that was all right.
    """

    began_at: float
    taken: int = 0
    buried: int = 0
    stopped: str | None = None
    until: float = 0.0
    pauses: int = 0

    @property
    def few(self) -> int:
        """So many may go in this minute whatever their share."""
        return FEW << (MORE_SHIFT * self.pauses)

    def take(self, now: float) -> None:
        """Count a record."""
        if now >= self.began_at + WINDOW_S:
            if self.buried <= FEW:
                self.pauses = 0
            self.began_at, self.taken, self.buried = now, 0, 0
        self.taken += 1

    def bury(self, now: float, share: float) -> bool:
        """Count a record that is to be buried; False when it would be one too many."""
        self.take(now)
        if self.buried >= self.few and self.buried + 1 > share * self.taken:
            return False
        self.buried += 1
        return True

    def pause(self, now: float, reason: str) -> None:
        """Let nothing more go for a while."""
        pause_s = PAUSES_S[min(self.pauses, len(PAUSES_S) - 1)]
        self.until = now + pause_s
        self.stopped = (
            f"flood: {self.buried} of its last {self.taken} records were dead-lettered, now "
            f"{reason}; put the release or the producer right; it resumes by itself {pause_s:g} s "
            "after that; PLAUDIT_FLOOD_SHARE=1 dead-letters them all at once"
        )

    def resume(self, now: float) -> None:
        """Begin a new minute, in which more may go."""
        self.stopped = None
        self.pauses = min(self.pauses + 1, MOST_PAUSES)
        self.began_at, self.taken, self.buried = now, 0, 0


class DlqLimiter:
    """Counts what is taken and buried in each partition of a lane.

    Args:
        share: of a partition's records in a minute that may be buried; 1 means all.
        clock: monotonic seconds.
    """

    def __init__(self, share: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._share = share
        self._clock = clock
        self._minutes: dict[Assignment, Minute] = {}
        # Records come in batches, sorted by partition: mostly the last one is asked for again.
        self._last: tuple[Assignment, Minute] | None = None

    @property
    def stopped(self) -> int:
        """How many partitions are stopped."""
        minutes = tuple(self._minutes.items())
        return sum(each.active and minute.stopped is not None for each, minute in minutes)

    def took(self, assignment: Assignment) -> None:
        """Count a record that is an event."""
        self._minute(assignment).take(self._clock())

    def bury(self, assignment: Assignment, reason: str) -> None:
        """Count a record that is to be buried.

        Raises:
            MustWait: too many were, and the partition is paused.
        """
        minute, now = self._minute(assignment), self._clock()
        if minute.stopped is not None and now >= minute.until:
            minute.resume(now)
        if minute.stopped is None and not minute.bury(now, self._share):
            minute.pause(now, reason)
        if minute.stopped is not None:
            raise RecordBlocked(minute.stopped)

    def resume(self, assignment: Assignment) -> None:
        """End a pause at once."""
        minute = self._minute(assignment)
        if minute.stopped is not None:
            minute.resume(self._clock())

    def _minute(self, assignment: Assignment) -> Minute:
        last = self._last
        if last is not None and last[0] is assignment:
            return last[1]
        minute = self._minutes.get(assignment)
        if minute is None:
            for given_up in [each for each in self._minutes if not each.active]:
                del self._minutes[given_up]
            minute = self._minutes[assignment] = Minute(self._clock())
        self._last = assignment, minute
        return minute
