"""Bounded cache of recently used values, in two generations."""

from __future__ import annotations

from typing import Generic, TypeVar

T = TypeVar("T")


class RecentCache(Generic[T]):
    """Cache of values by text, which drops values that were not used for a generation.

    When the young generation is full, it becomes the old one, and the old one is dropped. A use
    moves a value from the old one to the young one. So a use of a young value is one look-up in a
    dictionary, which needs no lock; all other operations need one.

    Args:
        most: maximum cost of one generation.

    Attributes:
        young: values that were added, or used, since the last change of generation.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._cost = 0
        self._old: dict[str, T] = {}
        self.young: dict[str, T] = {}

    def __len__(self) -> int:
        return len(self.young) + len(self._old)

    def get(self, key: str, cost: int = 1) -> T | None:
        """Return a value, and move it to the young generation."""
        found = self.young.get(key)
        if found is None:
            found = self._old.pop(key, None)
            if found is not None:
                self.put(key, found, cost)
        return found

    def peek(self, key: str) -> T | None:
        """Return a value."""
        found = self.young.get(key)
        return self._old.get(key) if found is None else found

    def put(self, key: str, value: T, cost: int = 1) -> None:
        """Add a value."""
        if self._cost >= self._most:
            self._old, self.young, self._cost = self.young, {}, 0
        self.young[key] = value
        self._cost += cost

    def drop(self, key: str) -> None:
        """Forget a value."""
        self.young.pop(key, None)
        self._old.pop(key, None)
