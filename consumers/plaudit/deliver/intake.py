"""What has been read of a partition and may not run yet: not due, or its window is full.

A pure decision: given what is held and the time, how much may go, and whether fetching should stop.
Records of a tier are due in the order of the log, because a tier has one fixed delay; so only the
head needs to be looked at.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar


class Held(Protocol):
    """What the intake must know of a record."""

    @property
    def offset(self) -> int:
        """Its offset in the partition."""
        ...

    @property
    def due_ms(self) -> int:
        """When it may run at the earliest, by the brokers' clock."""
        ...

    @property
    def size(self) -> int:
        """Length of its value in bytes."""
        ...


H = TypeVar("H", bound=Held)


@dataclass(frozen=True, slots=True)
class IntakeLimits:
    """How much is held of one partition while it waits."""

    records: int = 500
    bytes: int = 256 * 1024


class Intake(Generic[H]):
    """Records of one partition in the order of the log, waiting for their time or for room."""

    __slots__ = ("_bytes", "_held", "_limits", "paused")

    def __init__(self, limits: IntakeLimits) -> None:
        self._limits = limits
        self._held: deque[H] = deque()
        self._bytes = 0
        self.paused = False

    def __len__(self) -> int:
        return len(self._held)

    def offer(self, records: Iterable[H]) -> int | None:
        """Hold records that were read.

        Returns:
            The offset of the first one that there was no room for: seek back to it. None when all
            are held.
        """
        for record in records:
            full = len(self._held) >= self._limits.records or self._bytes >= self._limits.bytes
            if full and self._held:
                return record.offset
            self._held.append(record)
            self._bytes += record.size
        return None

    def take(self, now_ms: int, room: int) -> list[H]:
        """Return what may run now, in order, at most `room` records."""
        taken: list[H] = []
        while self._held and len(taken) < room and self._held[0].due_ms <= now_ms:
            record = self._held.popleft()
            self._bytes -= record.size
            taken.append(record)
        return taken

    def next_due_ms(self) -> int | None:
        """When the head may run; None when nothing is held."""
        return self._held[0].due_ms if self._held else None

    def wants_pause(self) -> bool:
        """Return whether fetching should stop: something waits."""
        return not self.paused and bool(self._held)

    def wants_resume(self) -> bool:
        """Return whether fetching should go on: little is left, so the next batch is needed soon."""
        return self.paused and len(self._held) * 4 <= self._limits.records and not self._waits()

    def _waits(self) -> bool:
        """A held head means that fetching more would only be thrown back."""
        return bool(self._held)
