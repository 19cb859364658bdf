"""Rate limits of workspaces: a token bucket for each, per process."""

from __future__ import annotations

import asyncio
import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from plaudit.api.problems import Refused

BURST_S: Final = 2.0
"""Burst size, in seconds' worth of requests."""
MINUTE_S: Final = 60.0
REMEMBERED: Final = 10_000
"""Maximum number of buckets. Dropped buckets have been idle longest, so they are full again."""
REFUSALS_PER_S: Final = 20.0
"""Refusals of a workspace per second, after the first 20. A refusal costs the event loop half a
millisecond, so a client that repeats requests at once could use up a core."""
HELD_EACH: Final = 64
"""Delayed refusals of a workspace; further ones are sent at once."""
HELD_ALL: Final = 1_024
"""Delayed refusals of all workspaces, as each occupies a connection."""


class RateLimits:
    """Token buckets by workspace.

    Args:
        per_second: rate; 0 means unlimited.
        clock: monotonic clock in seconds.
        burst_s: burst size, in seconds' worth.
        what: the limited operation, for messages.
        setting: the setting behind the limit.
    """

    def __init__(
        self,
        per_second: float,
        clock: Callable[[], float] = time.monotonic,
        *,
        burst_s: float = BURST_S,
        what: str = "requests",
        setting: str = "PLAUDIT_API_RATE_LIMIT",
    ) -> None:
        self._rate = per_second
        per_minute = burst_s == MINUTE_S
        value = f"{per_second * MINUTE_S:,.0f}" if per_minute else f"{per_second:,g}"
        unit = "minute" if per_minute else "second"
        self._limit = f"at most {value} {what} a {unit} in a workspace ({setting})"
        self._most = max(1.0, per_second * burst_s)
        self._clock = clock
        self._lock = threading.Lock()
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()
        # Due time of each workspace's last refusal; used in the event loop's thread only.
        self._refused: dict[str, float] = {}
        self._held = 0

    def wait_s(self, name: str, cost: int = 1) -> int:
        """Take tokens; return 0, or the seconds until a token is available.

        It admits an operation that costs more than a full bucket; later operations then wait.
        """
        if not self._rate:
            return 0
        with self._lock:
            left = self._left(name)
            allowed = left >= 1
            self._keep(name, left - cost if allowed else left)
        return 0 if allowed else math.ceil((1 - left) / self._rate)

    async def pause(self, name: str) -> None:
        """Wait before refusing a request, if many of the workspace were refused recently."""
        delay_s = self.refusal_delay_s(name)
        if delay_s and self._held < HELD_ALL:
            self._held += 1
            try:
                await asyncio.sleep(delay_s)
            finally:
                self._held -= 1

    def refusal_delay_s(self, name: str) -> float:
        """Return the delay of a refusal in seconds; 0 unless the workspace had many recently."""
        now_s = self._clock()
        full_s = now_s + HELD_EACH / REFUSALS_PER_S
        due_s = max(self._refused.pop(name, 0.0), now_s - 1.0) + 1 / REFUSALS_PER_S
        self._refused[name] = min(due_s, full_s)
        if len(self._refused) > REMEMBERED:
            del self._refused[next(iter(self._refused))]
        return max(0.0, due_s - now_s) if due_s <= full_s else 0.0

    def refused(self, wait_s: int) -> Refused:
        """Return the refusal for a caller that must wait."""
        detail = f"{self._limit}; try again in {wait_s} s"
        headers = {"retry-after": str(wait_s)}
        return Refused(429, detail, code="rate_limited", headers=headers)

    def charge(self, name: str, cost: int) -> None:
        """Take tokens for a finished operation."""
        if self._rate:
            with self._lock:
                self._keep(name, self._left(name) - cost)

    def _left(self, name: str) -> float:
        now = self._clock()
        left, at = self._buckets.pop(name, (self._most, now))
        return min(self._most, left + (now - at) * self._rate)

    def _keep(self, name: str, left: float) -> None:
        self._buckets[name] = left, self._clock()
        if len(self._buckets) > REMEMBERED:
            self._buckets.popitem(last=False)
