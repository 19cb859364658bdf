"""Time-outs in coarse steps: one timer of the event loop for all of them.

Every kind of time-out has one length, so its items become due in the order in which they came: a
kind is a dict in insertion order, adding and discarding are dict operations, and only the first
item is ever looked at. Nothing is due early; it may be noticed a tick late.

Time counts only while the event loop runs. A process that gets no CPU for seconds would otherwise
blame each endpoint for its own pause: the answers lie unread in the sockets meanwhile.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Hashable, Iterator
from typing import Final, Generic, Protocol, TypeVar

TICK_S: Final = 0.02
"""The least time between two looks at what is due."""
NEVER_S: Final = float("inf")
BEAT_S: Final = 0.5
"""The most time between two looks while something waits: a late look shows a pause of the loop."""
TOLERATED_S: Final = 0.25
"""How late a look may be before the rest counts as a pause."""
SPARED_S: Final = 0.1
"""Time for the loop to read what came during a pause, before anything expires."""

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
    """The one loop timer, set only while something waits; it also measures pauses of the loop."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._kinds: list[Kind] = []
        self._handle: asyncio.TimerHandle | None = None
        self._looks_at_s = NEVER_S
        self._paused_s = 0.0
        self._spared = False

    def watch(self, kind: Kind) -> None:
        """Look after one more kind."""
        self._kinds.append(kind)

    def running_s(self, now_s: float) -> float:
        """Convert monotonic time to time in which the loop ran."""
        return min(now_s, self._looks_at_s + TOLERATED_S) - self._paused_s

    def monotonic_s(self, running_s: float) -> float:
        """Convert it back, as far as pauses are known."""
        return running_s + self._paused_s

    def look_by(self, due_s: float) -> None:
        """Make sure that what is due then is noticed."""
        if due_s < self._looks_at_s:
            now_s = time.monotonic()
            self._look_at(min(max(due_s, now_s + TICK_S), now_s + BEAT_S), now_s)

    def close(self) -> None:
        """Let go of the loop's timer; nothing is due any more."""
        if self._handle is not None:
            self._handle.cancel()
        self._handle = None
        self._kinds.clear()

    def _look_at(self, looks_at_s: float, now_s: float) -> None:
        if self._handle is not None:
            self._handle.cancel()
        self._looks_at_s = looks_at_s
        self._handle = self._loop.call_later(looks_at_s - now_s, self._look)

    def _look(self) -> None:
        now_s = time.monotonic()
        paused_s = now_s - self._looks_at_s - TOLERATED_S
        self._handle = None
        self._looks_at_s = NEVER_S
        if paused_s > 0:
            self._paused_s += paused_s
            if not self._spared:
                # Once only: a loop that is late at each look still ends what is due.
                self._spared = True
                self._look_at(now_s + SPARED_S, now_s)
                return
        self._spared = False
        for kind in self._kinds:
            kind.expire(now_s)
        self.look_by(min((kind.first_due_s() for kind in self._kinds), default=NEVER_S))


class Deadlines(Generic[Item]):
    """Items that are due after a fixed time of a running loop, in the order in which they came.

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
        self._came_s[item] = self._timers.running_s(now_s)

    def discard(self, item: Item) -> None:
        """Forget an item, if it waits."""
        self._came_s.pop(item, None)

    def __iter__(self) -> Iterator[Item]:
        """Yield the items in the order in which they came."""
        return iter(self._came_s)

    def first_due_s(self) -> float:
        """See `Kind.first_due_s`."""
        came_s = next(iter(self._came_s.values()), NEVER_S)
        return self._timers.monotonic_s(came_s + self._after_s)

    def expire(self, now_s: float) -> None:
        """See `Kind.expire`."""
        limit_s = self._timers.running_s(now_s) - self._after_s
        due = []
        for item, came_s in self._came_s.items():
            if came_s > limit_s:
                break
            due.append(item)
        for item in due:
            # The end of one may have been the end of others.
            if self._came_s.pop(item, None) is not None:
                self._on_due(item)
