"""Schema wait: limit of the time that records block their partition.

A partition waits for an unknown schema, which a deployment usually registers soon. But any producer
with write access can invent fingerprints. So the time is limited for each partition, over all its
records, and is regained twelve times more slowly than it is spent. An operator can end the wait for
one record.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from plaudit.deliver.offsets.assignment import Assignment, Record
from plaudit.kafka.read.consumer import Partition

REGAINED: Final = 1 / 12
"""Seconds of waiting that are regained in each second: five minutes in an hour."""
LONGEST_INTERVAL_S: Final = 5.0
"""The bridge retries twice a second; a longer interval is a rebalance, or an absence of the
brokers."""


@dataclass(slots=True)
class Account:
    """Time that one partition has waited for schemas.

    Attributes:
        updated_at: time of the last update, monotonic seconds.
        offset: offset of the record that blocked the partition then.
        spent_s: seconds of waiting that count.
    """

    updated_at: float
    offset: int = -1
    spent_s: float = 0.0

    def update(self, now: float, offset: int, *, counts: bool) -> float:
        """Add the time since the last update; return the seconds spent."""
        since = now - self.updated_at
        if offset != self.offset:
            self.spent_s = max(0.0, self.spent_s - since * REGAINED)
        elif counts:
            self.spent_s += min(since, LONGEST_INTERVAL_S)
        self.updated_at, self.offset = now, offset
        return self.spent_s


class SchemaWait:
    """Decides when the wait for a schema ends; belongs to the event loop.

    Args:
        limit_s: seconds that a partition waits for schemas.
        clock: monotonic seconds.

    Attributes:
        unblocked: offset that an operator has sent to the dead letters, by partition.
    """

    def __init__(self, limit_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._limit_s = limit_s
        self._clock = clock
        self._accounts: dict[Assignment, Account] = {}
        self.unblocked: Mapping[Partition, int] = {}

    def is_over(self, record: Record, *, counts: bool) -> bool:
        """Return whether a record's partition has waited long enough.

        Args:
            record: the next record of its partition, with an unknown schema.
            counts: whether the source of schemas was queried; if not, the time does not count.
        """
        now = self._clock()
        account = self._accounts.get(record.assignment)
        if account is None:
            for given_up in [each for each in self._accounts if not each.active]:
                del self._accounts[given_up]
            account = self._accounts[record.assignment] = Account(now)
        return account.update(now, record.offset, counts=counts) >= self._limit_s and counts

    def is_unblocked(self, record: Record) -> bool:
        """Return whether an operator has sent the record to the dead letters."""
        return self.unblocked.get(record.assignment.partition) == record.offset
