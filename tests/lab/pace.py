"""Pace of a subscriber: latency of its answers, and its request limit."""

from __future__ import annotations

import math
from random import Random

from lab.scenario import Behavior


class Pace:
    """Draws latencies and counts requests against a limit.

    Args:
        behavior: behavior of the subscriber.
        random: source of random latencies.
    """

    def __init__(self, behavior: Behavior, random: Random) -> None:
        self._behavior = behavior
        self._random = random
        self._room = max(1.0, behavior.per_s)
        self._at: float | None = None

    def admits(self, at: float) -> bool:
        """Return whether a request at a moment is within the limit, and count it if so.

        A token bucket that holds one second's worth.
        """
        limit = self._behavior.per_s
        if not limit:
            return True
        since = 0.0 if self._at is None else at - self._at
        self._at = at
        self._room = min(max(1.0, limit), self._room + since * limit)
        if self._room < 1.0:
            return False
        self._room -= 1.0
        return True

    def latency_s(self, beside: int) -> float:
        """Return the latency of an answer while this many other requests are open."""
        behavior = self._behavior
        latency_s = behavior.after_s
        if latency_s and behavior.spread:
            latency_s = self._random.lognormvariate(math.log(latency_s), behavior.spread)
        if behavior.slows_at:
            latency_s *= 1 + beside / behavior.slows_at
        return latency_s
