"""How fast letters go: a total rate, and a rate for each endpoint. Pure but for the clock."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

BURST_S: Final = 1.0
"""What was not used for so long may be caught up with; more is lost."""


class Pace:
    """A rate that holds over any time longer than a second.

    Args:
        rate: per second; None: as fast as it goes.
        now: monotonic seconds.
    """

    def __init__(self, rate: float | None, now: Callable[[], float]) -> None:
        self._rate = rate
        self._now = now
        self._spent_to = now()

    def wait_s(self, count: int) -> float:
        """Return how long to wait until so many may go; 0: now."""
        if self._rate is None:
            return 0.0
        return max(0.0, self._spent_to + count / self._rate - self._now())

    def went(self, count: int) -> None:
        """Take note that so many go now."""
        if self._rate is not None:
            took_s = count / self._rate
            self._spent_to = max(self._spent_to, self._now() - BURST_S - took_s) + took_s


class EndpointPaces:
    """When each letter of an endpoint may go, one after the other.

    Args:
        rate: of each endpoint, per second; None: at once.
        now: monotonic seconds.
    """

    def __init__(self, rate: float | None, now: Callable[[], float]) -> None:
        self._gap_s = 0.0 if rate is None else 1.0 / rate
        self._now = now
        self._next_at: dict[str, float] = {}

    def due(self, endpoint: str) -> float:
        """Return when the next letter of an endpoint may go, and reserve that moment."""
        now = self._now()
        if not self._gap_s:
            return now
        due = max(self._next_at.get(endpoint, 0.0), now)
        self._next_at[endpoint] = due + self._gap_s
        return due
