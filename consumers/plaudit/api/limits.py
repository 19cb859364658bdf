"""How often a key may call: a token bucket each, in this process."""

from __future__ import annotations

import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

BURST_S: Final = 2.0
"""Seconds' worth of requests that may come at once."""
REMEMBERED: Final = 10_000
"""Keys whose buckets are kept; the longest idle are full again by then."""


class RateLimits:
    """Buckets by key.

    Args:
        per_second: requests; 0: no limit.
        clock: monotonic seconds.
    """

    def __init__(self, per_second: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate = per_second
        self._most = max(1.0, per_second * BURST_S)
        self._clock = clock
        self._lock = threading.Lock()
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait_s(self, key_id: str) -> int:
        """Take a token; return 0, or after how many seconds there is one again."""
        if not self._rate:
            return 0
        now = self._clock()
        with self._lock:
            left, at = self._buckets.pop(key_id, (self._most, now))
            left = min(self._most, left + (now - at) * self._rate)
            allowed = left >= 1
            self._buckets[key_id] = (left - 1 if allowed else left, now)
            if len(self._buckets) > REMEMBERED:
                self._buckets.popitem(last=False)
        return 0 if allowed else math.ceil((1 - left) / self._rate)
