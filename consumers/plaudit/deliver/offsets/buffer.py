"""Buffer of a partition's records that may not run yet: not due, or the window is full.

A pure decision: given what is held and the time, how much may go, and whether fetching should stop.
Records of a tier are due in the order of the log, because a tier has one fixed delay; so only the
head needs to be looked at.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar


class Buffered(Protocol):
    """What the intake must know of a record."""

    @property
    def due_ms(self) -> int:
        """When it may run at the earliest, by the brokers' clock."""
        ...

    @property
    def size(self) -> int:
        """Length of its value in bytes."""
        ...


H = TypeVar("H", bound=Buffered)


@dataclass(frozen=True, slots=True)
class IntakeLimits:
    """How much is held of one partition while it waits."""

    records: int = 500
    bytes: int = 256 * 1024


class PartitionBuffer(Generic[H]):
    """Records of one partition in the order of the log, waiting for their time or for room."""

    __slots__ = ("_bytes", "_held", "_limits")

    def __init__(self, limits: IntakeLimits) -> None:
        self._limits = limits
        self._held: deque[H] = deque()
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._held)

    def offer(self, record: H) -> bool:
        """Buffer a record; return False if the buffer is full and the record must be read again.

        One record is always taken, whatever its size.
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
        """When the head may run; None when nothing is held."""
        return self._held[0].due_ms if self._held else None

    @property
    def full(self) -> bool:
        """Whether fetching should stop."""
        return len(self._held) >= self._limits.records or self._bytes >= self._limits.bytes

    @property
    def low(self) -> bool:
        """Whether to resume fetching: a quarter is left, to bridge the latency."""
        return len(self._held) * 4 <= self._limits.records and self._bytes * 4 <= self._limits.bytes
