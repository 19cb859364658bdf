"""Oversized writes: writes that the brokers refused as too large, or whose batch was too large.

Brokers compare `max.message.bytes` with a whole batch, and refuse the whole batch. So the settler
repeats each of its records alone: it waits for earlier answers first, and sends nothing else to the
topic meanwhile. A record that is refused alone is itself too large. For a minute, every record of
at least its size counts as too large.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, Generic, TypeVar

if TYPE_CHECKING:
    from plaudit.deliver.settle.records import Write

T = TypeVar("T")

KNOWN_S: Final = 60.0
"""A topic's limit may be raised, so large records are tried again after this time."""


class OversizedWrites(Generic[T]):
    """Decides which refused writes are repeated alone.

    Args:
        monotonic: seconds.
    """

    __slots__ = ("_alone", "_known", "_monotonic", "_topics", "_under_way", "_waiting")

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._alone: Write | None = None
        self._waiting: deque[tuple[Write, T]] = deque()
        # By topic: writes to try alone; unanswered writes; a size that is too large, and until
        # when.
        self._topics: Counter[str] = Counter()
        self._under_way: Counter[str] = Counter()
        self._known: dict[str, tuple[int, float]] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    def sends(self, write: Write) -> bool:
        """Count a write before it is sent; return False if it must wait for a trial."""
        topic = write.topic
        if self._topics[topic] and write is not self._alone:
            return False
        self._under_way[topic] += 1
        return True

    def answered(self, write: Write, *, taken: bool) -> None:
        """Note that the brokers have answered a write."""
        self._under_way[write.topic] -= 1
        if taken and write is self._alone:
            self._alone = None
            self._topics[write.topic] -= 1

    def add(self, write: Write, of: T) -> None:
        """Add a write that was refused as too large.

        Args:
            write: the refused write.
            of: data of the caller about it.
        """
        if write is self._alone:
            self._alone = None
            self._known[write.topic] = _size(write), self._monotonic() + KNOWN_S
        else:
            self._topics[write.topic] += 1
        self._waiting.append((write, of))

    def confirmed(self) -> list[tuple[Write, T]]:
        """Return the writes that are known to be too large, without a trial."""
        found = [each for each in self._waiting if self._is_too_large(each[0])]
        if found:
            left = (each for each in self._waiting if not self._is_too_large(each[0]))
            self._waiting = deque(left)
            self._topics.subtract(write.topic for write, _ in found)
        return found

    def next(self) -> tuple[Write, T] | None:
        """Return the write to try now; None: there is none, or another answer is due first."""
        if self._alone is not None or not self._waiting:
            return None
        if self._under_way[self._waiting[0][0].topic]:
            return None
        found = self._waiting.popleft()
        self._alone = found[0]
        return found

    def _is_too_large(self, write: Write) -> bool:
        size, until = self._known.get(write.topic, (0, 0.0))
        return self._monotonic() < until and _size(write) >= size


def _size(write: Write) -> int:
    headers = sum(len(name) + len(value) for name, value in write.headers or ())
    return len(write.value) + len(write.key) + headers
