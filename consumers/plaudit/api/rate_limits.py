"""Rate limits of workspaces: one token bucket each, in this process."""

from __future__ import annotations

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
"""Maximum number of buckets; the longest idle ones are full again when they are dropped."""


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

    def wait_s(self, name: str, cost: int = 1) -> int:
        """Take tokens; return 0, or the seconds until a token is available.

        An operation that costs more than the bucket holds is admitted, and later ones wait for it.
        """
        if not self._rate:
            return 0
        with self._lock:
            left = self._left(name)
            allowed = left >= 1
            self._keep(name, left - cost if allowed else left)
        return 0 if allowed else math.ceil((1 - left) / self._rate)

    def refused(self, wait_s: int) -> Refused:
        """Return the response to a caller who must wait."""
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
