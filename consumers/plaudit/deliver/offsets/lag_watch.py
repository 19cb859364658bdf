"""Lag of the partitions that a consumer thread holds, measured without requests.

The end of each log is the one in the latest fetch. So the end of a paused partition is older. Its
due records are still known, because a tier's records are due in the order of the log.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from typing import Final, NamedTuple

from plaudit.deliver.offsets.assignment import Assignment
from plaudit.kafka.read.consumer import Partition

LOOK_EVERY_S: Final = 1.0
LOOK_AT_REST_S: Final = 5.0
"""The same while no partition has a lag, and nothing is read."""


class Lag(NamedTuple):
    """Records of a partition that are not finished.

    Attributes:
        records: number of records, parked retries included.
        due: number of those that may run now.
        oldest_due_ms: when the oldest was due, by the brokers' clock; None if none is due.
    """

    records: int
    due: int
    oldest_due_ms: int | None

    def overdue_s(self, now_ms: int) -> float:
        """Return the seconds since the oldest record was due."""
        due_ms = now_ms if self.oldest_due_ms is None else self.oldest_due_ms
        return max(0, now_ms - due_ms) / 1_000


NO_LAG: Final = Lag(0, 0, None)
"""The lag of an idle partition, as nearly all are."""


class Due(NamedTuple):
    """Number of records that could be delivered now, and seconds since the oldest was due."""

    records: int
    seconds: float


class LagWatch:
    """Lag of each partition held; the consumer thread measures it, any thread may read it.

    Args:
        end_of: returns the end of a partition's log, without a request; None: unknown.
        monotonic: seconds.

    Attributes:
        lags: lag by partition; replaced as a whole.
    """

    def __init__(
        self,
        end_of: Callable[[Partition], int | None],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._end_of = end_of
        self._monotonic = monotonic
        self._looked_s = float("-inf")
        self._at_rest = False
        self._stands: dict[Partition, tuple[int, int]] = {}
        self.lags: Mapping[Partition, Lag] = {}

    def moved(self) -> None:
        """Note that records were read."""
        self._at_rest = False

    def measure(self, held: Collection[Assignment], now_ms: int) -> None:
        """Measure, at most once a second."""
        now_s = self._monotonic()
        at_rest = self._at_rest and len(held) == len(self.lags)
        if now_s < self._looked_s + (LOOK_AT_REST_S if at_rest else LOOK_EVERY_S):
            return
        self._looked_s = now_s
        lags, stands = {}, {}
        for assignment in held:
            partition, place = assignment.partition, assignment.read_to
            unread = max(0, (self._end_of(partition) or 0) - place)
            if not (unread or assignment.window.pending or len(assignment.intake)):
                lags[partition] = NO_LAG
                continue
            known = self._stands.get(partition)
            since_ms = now_ms if known is None or known[0] != place else known[1]
            if unread:
                stands[partition] = (place, since_ms)
            lags[partition] = measured(assignment, unread, since_ms, now_ms)
        self.lags, self._stands = lags, stands
        self._at_rest = all(each is NO_LAG for each in lags.values())

    def due(self, now_ms: int) -> Due:
        """Return the due records of all partitions."""
        lags = tuple(self.lags.values())
        seconds = max((each.overdue_s(now_ms) for each in lags), default=0.0)
        return Due(sum(each.due for each in lags), seconds)


def measured(assignment: Assignment, unread: int, since_ms: int, now_ms: int) -> Lag:
    """Return the lag of a partition.

    Args:
        assignment: the partition.
        unread: records in the log that were not read.
        since_ms: time since which the read position has not changed.
        now_ms: epoch milliseconds of the brokers' clock.
    """
    intake, in_hand = assignment.intake, assignment.window.pending
    until_ms = now_ms if assignment.delay_ms else None
    waiting = intake.due(until_ms)
    heads = (intake.next_due_ms, next((each.due_ms for each in assignment.records.values()), None))
    dues = [each for each in heads if each is not None]
    # Records are due in order: unread ones can't be due while one that was read is not.
    may_be_due = unread if waiting == len(intake) else 0
    if unread and not dues:
        dues.append(since_ms)
    return Lag(
        in_hand + len(intake) + unread, in_hand + waiting + may_be_due, min(dues, default=None)
    )
