"""Rates of a job: one in total, and one for each endpoint."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

BURST_S: Final = 1.0
"""Burst: how much unused time a job may catch up."""


class Pace:
    """A rate that holds over any interval longer than a second.

    Args:
        rate: records per second; None means unlimited.
        now: monotonic clock in seconds.
    """

    def __init__(self, rate: float | None, now: Callable[[], float]) -> None:
        self._rate = rate
        self._now = now
        self._spent_to = now()

    def wait_s(self, count: int) -> float:
        """Return how long to wait before sending this many records; 0 means now."""
        if self._rate is None:
            return 0.0
        return max(0.0, self._spent_to + count / self._rate - self._now())

    def count_sent(self, count: int) -> None:
        """Count sent records."""
        if self._rate is not None:
            took_s = count / self._rate
            self._spent_to = max(self._spent_to, self._now() - BURST_S - took_s) + took_s


class EndpointPaces:
    """Send times of each endpoint's letters.

    Args:
        rate: letters per second for each endpoint; None means unlimited.
        now: monotonic clock in seconds.
    """

    def __init__(self, rate: float | None, now: Callable[[], float]) -> None:
        self._gap_s = 0.0 if rate is None else 1.0 / rate
        self._now = now
        self._next_at: dict[str, float] = {}

    def due(self, endpoint: str) -> float:
        """Reserve and return the send time of an endpoint's next letter."""
        now = self._now()
        if not self._gap_s:
            return now
        due = max(self._next_at.get(endpoint, 0.0), now)
        self._next_at[endpoint] = due + self._gap_s
        return due
