"""Time-outs in coarse steps: one timer of the event loop for all of them.

Every kind of time-out has one length, so its items become due in the order in which they came: a
kind is a dict in insertion order, adding and discarding are dict operations, and only the first
item is ever looked at. Nothing is due early; it may be noticed a tick late.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Hashable, Iterator
from typing import Final, Generic, Protocol, TypeVar

TICK_S: Final = 0.02
"""The least time between two looks at what is due."""
NEVER_S: Final = float("inf")

Item = TypeVar("Item", bound=Hashable)


class Kind(Protocol):
    """A kind of deadline that `Timers` watches."""

    def first_due_s(self) -> float:
        """Return when the first item is due, monotonic; `NEVER_S` if none waits."""
        ...

    def expire(self, now_s: float) -> None:
        """Take out what is due and tell of it."""
        ...


class Timers:
    """The one loop timer; it is set only while something waits."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._kinds: list[Kind] = []
        self._handle: asyncio.TimerHandle | None = None
        self._looks_at_s = NEVER_S

    def watch(self, kind: Kind) -> None:
        """Look after one more kind."""
        self._kinds.append(kind)

    def look_by(self, due_s: float) -> None:
        """Make sure that what is due then is noticed."""
        if due_s >= self._looks_at_s:
            return
        if self._handle is not None:
            self._handle.cancel()
        self._looks_at_s = due_s
        delay_s = max(due_s - time.monotonic(), TICK_S)
        self._handle = self._loop.call_later(delay_s, self._look)

    def close(self) -> None:
        """Let go of the loop's timer; nothing is due any more."""
        if self._handle is not None:
            self._handle.cancel()
        self._handle = None
        self._kinds.clear()

    def _look(self) -> None:
        self._handle = None
        self._looks_at_s = NEVER_S
        now_s = time.monotonic()
        for kind in self._kinds:
            kind.expire(now_s)
        self.look_by(min((kind.first_due_s() for kind in self._kinds), default=NEVER_S))


class Deadlines(Generic[Item]):
    """Items that are due a fixed time after they came, in that order.

    Args:
        timers: notices.
        after_s: how long after.
        on_due: gets each item that was not discarded in time.
    """

    __slots__ = ("_after_s", "_came_s", "_on_due", "_timers")

    def __init__(self, timers: Timers, after_s: float, on_due: Callable[[Item], None]) -> None:
        self._timers = timers
        self._after_s = after_s
        self._on_due = on_due
        self._came_s: dict[Item, float] = {}
        timers.watch(self)

    def __len__(self) -> int:
        return len(self._came_s)

    def add(self, item: Item, now_s: float) -> None:
        """Let an item wait from now on; the times of successive calls must not fall."""
        if not self._came_s:
            self._timers.look_by(now_s + self._after_s)
        self._came_s[item] = now_s

    def discard(self, item: Item) -> None:
        """Forget an item, if it waits."""
        self._came_s.pop(item, None)

    def __iter__(self) -> Iterator[Item]:
        """Yield the items in the order in which they came."""
        return iter(self._came_s)

    def first_due_s(self) -> float:
        """See `Kind.first_due_s`."""
        return next(iter(self._came_s.values()), NEVER_S) + self._after_s

    def expire(self, now_s: float) -> None:
        """See `Kind.expire`."""
        limit_s = now_s - self._after_s
        due = []
        for item, came_s in self._came_s.items():
            if came_s > limit_s:
                break
            due.append(item)
        for item in due:
            # The end of one may have been the end of others.
            if self._came_s.pop(item, None) is not None:
                self._on_due(item)
