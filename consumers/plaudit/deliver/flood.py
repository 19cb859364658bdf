"""Flood protection: a partition whose records would go to the dead letters in bulk is stopped.

One record that is no event is a producer's mistake, and its dead letter is where it belongs. When
most records of a minute are none, the mistake is ours: a release that can't read what others write.
Burying the topic would only move the work to whoever has to send it all again.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final
from weakref import WeakKeyDictionary

from plaudit.deliver.lane import MustWait
from plaudit.deliver.offsets.partition import Assignment

WINDOW_S: Final = 60.0
FEW: Final = 100
"""So many a minute are buried whatever their share: a partition with little traffic goes on."""


@dataclass(slots=True)
class Minute:
    """What one partition brought in the minute that runs.

    Attributes:
        began_at: monotonic seconds.
        taken: its records.
        buried: of these, those that went to the dead letters.
        stopped: why nothing more is buried; None: it may be.
    """

    began_at: float
    taken: int = 0
    buried: int = 0
    stopped: str | None = None

    def take(self, now: float) -> None:
        """Count a record."""
        if now >= self.began_at + WINDOW_S:
            self.began_at, self.taken, self.buried = now, 0, 0
        self.taken += 1

    def bury(self, now: float, share: float) -> bool:
        """Count a record that is to be buried; False when it would be one too many."""
        self.take(now)
        if self.buried >= FEW and self.buried + 1 > share * self.taken:
            return False
        self.buried += 1
        return True


class FloodGuard:
    """Counts what is taken and buried in each partition of a lane.

    Args:
        share: of a partition's records in a minute that may be buried; 1 means all.
        clock: monotonic seconds.
    """

    def __init__(self, share: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._share = share
        self._clock = clock
        self._minutes: WeakKeyDictionary[Assignment, Minute] = WeakKeyDictionary()
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
            MustWait: too many were, and the partition stands still until a restart.
        """
        minute = self._minute(assignment)
        if minute.stopped is None and not minute.bury(self._clock(), self._share):
            minute.stopped = (
                f"flood: {minute.buried} of its last {minute.taken} records were dead-lettered, "
                f"now {reason}; put the release or the producer right and restart, or set "
                "PLAUDIT_FLOOD_SHARE=1 to dead-letter them all"
            )
        if minute.stopped is not None:
            raise MustWait(minute.stopped)

    def _minute(self, assignment: Assignment) -> Minute:
        last = self._last
        if last is not None and last[0] is assignment:
            return last[1]
        minute = self._minutes.get(assignment)
        if minute is None:
            minute = self._minutes[assignment] = Minute(self._clock())
        self._last = assignment, minute
        return minute
