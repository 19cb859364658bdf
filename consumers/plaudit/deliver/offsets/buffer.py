"""Buffer of a partition's records that are not due, or for which the window has no room. Pure.

It decides which records may run, and whether fetching should stop. The records of a tier are due in
the order of the log, because a tier has one fixed delay: so the head decides.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from dataclasses import dataclass
from operator import attrgetter
from typing import Generic, Protocol, TypeVar


class Buffered(Protocol):
    """Part of a record that the buffer needs."""

    @property
    def due_ms(self) -> int:
        """Earliest time to run, by the brokers' clock."""
        ...

    @property
    def size(self) -> int:
        """Length of the value in bytes."""
        ...


H = TypeVar("H", bound=Buffered)


@dataclass(frozen=True, slots=True)
class IntakeLimits:
    """Bounds of one partition's buffer."""

    records: int = 500
    bytes: int = 256 * 1024


class PartitionBuffer(Generic[H]):
    """Records of one partition that wait for their time or for room, in the order of the log."""

    __slots__ = ("_bytes", "_held", "_limits")

    def __init__(self, limits: IntakeLimits) -> None:
        self._limits = limits
        self._held: deque[H] = deque()
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._held)

    def offer(self, record: H) -> bool:
        """Buffer a record; return False if the buffer is full and the record must be read again.

        An empty buffer accepts a record of any size.
        """
        if self.full:
            return False
        self._held.append(record)
        self._bytes += record.size
        return True

    def take(self, now_ms: int) -> H | None:
        """Return the head if it may run now."""
        if not self._held or self._held[0].due_ms > now_ms:
            return None
        record = self._held.popleft()
        self._bytes -= record.size
        return record

    @property
    def next_due_ms(self) -> int | None:
        """Earliest time at which the head may run; None if the buffer is empty."""
        return self._held[0].due_ms if self._held else None

    def due(self, now_ms: int | None) -> int:
        """Return how many records may run now; with None, all of them."""
        if now_ms is None:
            return len(self._held)
        return bisect_right(self._held, now_ms, key=attrgetter("due_ms"))

    @property
    def full(self) -> bool:
        """Whether fetching should stop."""
        return len(self._held) >= self._limits.records or self._bytes >= self._limits.bytes

    @property
    def low(self) -> bool:
        """Whether to resume fetching: a quarter of the buffer is left, to bridge the latency."""
        return len(self._held) * 4 <= self._limits.records and self._bytes * 4 <= self._limits.bytes
