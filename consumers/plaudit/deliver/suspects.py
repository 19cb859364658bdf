"""Writes that the brokers refused as too large: it may have been their batch that was.

Brokers compare `max.message.bytes` with a whole batch, and refuse all of it. So each of its records
is sent once more, one at a time; what is refused then is too large itself, and so is what is no
smaller and goes to the same topic.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from plaudit.deliver.moves import Write

T = TypeVar("T")


class Suspects(Generic[T]):
    """Which refused writes wait to be sent alone, and which need not be.

    Attributes:
        alone: the write that is on its way alone; None: there is none.
    """

    __slots__ = ("_too_large", "_waiting", "alone")

    def __init__(self) -> None:
        self.alone: Write | None = None
        self._waiting: deque[tuple[Write, T]] = deque()
        self._too_large: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, write: Write, of: T) -> None:
        """Take note of a write that was refused.

        Args:
            write: what was refused.
            of: whatever goes with it.
        """
        if write is self.alone:
            self.alone = None
            size = _size(write)
            self._too_large[write.topic] = min(size, self._too_large.get(write.topic, size))
        self._waiting.append((write, of))

    def convicted(self) -> list[tuple[Write, T]]:
        """Return those that need not be sent again: they are too large themselves."""
        found = [each for each in self._waiting if self._is_too_large(each[0])]
        if found:
            self._waiting = deque(each for each in self._waiting if not self._is_too_large(each[0]))
        return found

    def next(self) -> tuple[Write, T] | None:
        """Return what is to be sent now, alone; None: nothing, or another is on its way."""
        if self.alone is not None or not self._waiting:
            return None
        found = self._waiting.popleft()
        self.alone = found[0]
        return found

    def _is_too_large(self, write: Write) -> bool:
        known = self._too_large.get(write.topic)
        return known is not None and _size(write) >= known


def _size(write: Write) -> int:
    headers = sum(len(name) + len(value) for name, value in write.headers or ())
    return len(write.value) + len(write.key) + headers
