"""How long a record may hold its partition: until it can be read, is given up, or is ordered away.

A partition waits for a schema that is not known yet: mostly a deployment is under way. But whoever
may write to an event topic can make up fingerprints, so the time that a partition waits is bounded,
over all its records: what it has spent comes back twelve times slower than it went.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from plaudit.deliver.offsets.assignment import Assignment, Record
from plaudit.kafka.read.consumer import Partition

COMES_BACK: Final = 1 / 12
"""Seconds of waiting that a second without brings back: five minutes in an hour."""
LONGEST_LOOK_S: Final = 5.0
"""A partition is looked at twice a second; what is longer was a rebalance, or brokers away."""


@dataclass(slots=True)
class Account:
    """The time that one partition has waited for schemas.

    Attributes:
        looked_at: when it was looked at last, monotonic seconds.
        offset: of the record that it waited for then.
        spent_s: what of its time is spent.
    """

    looked_at: float
    offset: int = -1
    spent_s: float = 0.0

    def look(self, now: float, offset: int, *, counts: bool) -> float:
        """Return the time that is spent, the moments since the last look included."""
        since = now - self.looked_at
        if offset != self.offset:
            self.spent_s = max(0.0, self.spent_s - since * COMES_BACK)
        elif counts:
            self.spent_s += min(since, LONGEST_LOOK_S)
        self.looked_at, self.offset = now, offset
        return self.spent_s


class Patience:
    """Says when a record that can't be read yet is to be given up; belongs to the event loop.

    Args:
        limit_s: how long a partition waits for schemas.
        clock: monotonic seconds.

    Attributes:
        orders: records that an operator has ordered to the dead letters, one for a partition.
    """

    def __init__(self, limit_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._limit_s = limit_s
        self._clock = clock
        self._accounts: dict[Assignment, Account] = {}
        self.orders: Mapping[Partition, int] = {}

    def is_over(self, record: Record, *, counts: bool) -> bool:
        """Return whether its partition has waited long enough.

        Args:
            record: the next of its partition, whose schema is not known.
            counts: whether its schema was looked for in vain; else it may only be too early.
        """
        now = self._clock()
        account = self._accounts.get(record.assignment)
        if account is None:
            for given_up in [each for each in self._accounts if not each.active]:
                del self._accounts[given_up]
            account = self._accounts[record.assignment] = Account(now)
        return account.look(now, record.offset, counts=counts) >= self._limit_s and counts

    def is_ordered(self, record: Record) -> bool:
        """Return whether an operator has ordered it away."""
        return self.orders.get(record.assignment.partition) == record.offset
