"""Deadlines in coarse steps: one timer of the event loop serves all of them.

Every kind of time-out has one length, so its items become due in the order in which they were
added. A kind is a dict in insertion order, and only its first item is checked. An item never
expires early; it may expire a tick late.

Time counts only while the event loop runs. Otherwise, after seconds without CPU, a process would
count its own pause as time-outs of endpoints whose answers wait unread in the sockets.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Hashable, Iterator
from typing import Final, Generic, Protocol, TypeVar

TICK_S: Final = 0.02
"""Minimum time between two checks."""
NEVER_S: Final = float("inf")
BEAT_S: Final = 0.5
"""Maximum time between two checks while an item waits: a late check reveals a pause of the loop."""
TOLERATED_S: Final = 0.25
"""Lateness of a check that does not yet count as a pause."""
SPARED_S: Final = 0.1
"""Time for the loop to read what arrived during a pause, before anything expires."""

Item = TypeVar("Item", bound=Hashable)


class Kind(Protocol):
    """A kind of deadline that `Timers` watches."""

    def first_due_s(self) -> float:
        """Return when the first item is due, in running time; `NEVER_S` if none waits."""
        ...

    def expire(self, now_s: float) -> None:
        """Remove the due items, and report each."""
        ...


class Timers:
    """Single timer of all deadlines, set while an item waits; also measures pauses of the loop."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._kinds: list[Kind] = []
        self._handle: asyncio.TimerHandle | None = None
        self._looks_at_s = NEVER_S
        self._paused_s = 0.0
        self._spared = False

    def watch(self, kind: Kind) -> None:
        """Add a kind of deadline."""
        self._kinds.append(kind)

    def running_s(self, now_s: float) -> float:
        """Convert monotonic time to running time, which excludes pauses of the loop."""
        return min(now_s, self._looks_at_s + TOLERATED_S) - self._paused_s

    def monotonic_s(self, running_s: float) -> float:
        """Convert running time to monotonic time, by the pauses known."""
        return running_s + self._paused_s

    def check_by(self, due_s: float) -> None:
        """Schedule a check for a time."""
        if due_s < self._looks_at_s:
            now_s = time.monotonic()
            self._schedule(min(max(due_s, now_s + TICK_S), now_s + BEAT_S), now_s)

    def close(self) -> None:
        """Cancel the loop's timer."""
        if self._handle is not None:
            self._handle.cancel()
        self._handle = None
        self._kinds.clear()

    def _schedule(self, looks_at_s: float, now_s: float) -> None:
        if self._handle is not None:
            self._handle.cancel()
        self._looks_at_s = looks_at_s
        self._handle = self._loop.call_later(looks_at_s - now_s, self._check)

    def _check(self) -> None:
        now_s = time.monotonic()
        paused_s = now_s - self._looks_at_s - TOLERATED_S
        self._handle = None
        self._looks_at_s = NEVER_S
        if paused_s > 0:
            self._paused_s += paused_s
            if not self._spared:
                # Only once, so that items expire even if every check of the loop is late.
                self._spared = True
                self._schedule(now_s + SPARED_S, now_s)
                return
        self._spared = False
        for kind in self._kinds:
            kind.expire(now_s)
        self.check_by(min((kind.first_due_s() for kind in self._kinds), default=NEVER_S))


class Deadlines(Generic[Item]):
    """Items that are due after a fixed running time, in the order in which they were added.

    Args:
        timers: the timer.
        after_s: seconds of running time.
        on_due: receives each item that was not discarded in time.
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
        """Add an item; the times of successive calls must not decrease."""
        if not self._came_s:
            self._timers.check_by(now_s + self._after_s)
        self._came_s[item] = self._timers.running_s(now_s)

    def discard(self, item: Item) -> None:
        """Remove an item, if it is there."""
        self._came_s.pop(item, None)

    def __iter__(self) -> Iterator[Item]:
        """Yield the items in the order in which they were added."""
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
            # Ending one item may have discarded others.
            if self._came_s.pop(item, None) is not None:
                self._on_due(item)
