"""Allowance: the rate that an endpoint accepts, learnt from its refusals. Pure.

A refusal is a 429, or a 503 with `Retry-After`. After it, nothing is sent for the time that the
endpoint asks for. Then requests leave evenly: at first 8 a second, doubling every second, until the
next refusal shows the endpoint's limit. From then on the worker sends at 95 % of the limit, within
half a minute at all of it, and then 3 % faster every second, to find out whether the limit has
risen. A refusal soon after the last one means that the limit is lower.
"""

from __future__ import annotations

import math
from typing import Final

HOLD_S: Final = 1.0
"""Nothing is sent for this time after a refusal without `Retry-After`."""
VAIN_MOST_S: Final = 300.0
"""… and for twice as long after each refusal in a row, up to this."""
FIRST_PER_S: Final = 8.0
FLOOR_PER_S: Final = 0.1
BELOW: Final = 0.95
CLIMB_S: Final = 30.0
GROWTH: Final = 1.03
SOON_S: Final = 10.0
LOWER: Final = 0.9
"""After a refusal within `SOON_S`, this part of the measured rate becomes the limit."""
MEASURE_S: Final = 1.0
PLENTY_PER_S: Final = 512.0
"""A limit above this rate does not matter."""
LEARNT_S: Final = 60.0
OUTGROWN: Final = 4.0
RECENTLY_S: Final = 60.0


class Allowance:
    """Learnt rate limit of one endpoint.

    Args:
        now_s: seconds of a monotonic clock.
        per_s: limit that another worker has learnt; None: unknown.

    Attributes:
        is_own: whether this worker was refused itself.
        refused_s: time of the latest refusal.
    """

    __slots__ = (
        "_began_s",
        "_ceiling_per_s",
        "_count",
        "_delivered_s",
        "_first_per_s",
        "_measured_per_s",
        "_resumes_s",
        "_taken",
        "_vain",
        "is_own",
        "refused_s",
    )

    def __init__(self, now_s: float, per_s: float | None = None) -> None:
        self.is_own = False
        self._ceiling_per_s = None if per_s is None else max(per_s, FLOOR_PER_S)
        self._first_per_s = FIRST_PER_S
        self.refused_s = float("-inf")
        self._resumes_s = now_s
        self._delivered_s = float("-inf")
        self._taken = 0
        self._vain = 0
        # Requests taken in the current second, and rate of the last full one.
        self._began_s = now_s
        self._count = 0
        self._measured_per_s = 0.0

    def per_s(self, now_s: float) -> float:
        """Return the requests a second that the endpoint gets now."""
        since_s = max(0.0, now_s - self._resumes_s)
        ceiling = self._ceiling_per_s
        if ceiling is None:
            return min(self._first_per_s * math.pow(2.0, min(since_s, 60.0)), 2 * PLENTY_PER_S)
        if since_s < CLIMB_S:
            return ceiling * (BELOW + (1 - BELOW) * since_s / CLIMB_S)
        return ceiling * min(math.pow(GROWTH, since_s - CLIMB_S), 2 * OUTGROWN)

    @property
    def known(self) -> bool:
        """Whether the limit is known."""
        return self._ceiling_per_s is not None

    @property
    def ceiling_per_s(self) -> float | None:
        """The limit at the time when it was learnt; None: unknown."""
        return self._ceiling_per_s

    def outgrown(self, now_s: float) -> bool:
        """Return whether the endpoint has outgrown its limit."""
        ceiling = self._ceiling_per_s
        if ceiling is None:
            return now_s - self._resumes_s >= LEARNT_S and self.per_s(now_s) >= PLENTY_PER_S
        return self.per_s(now_s) >= ceiling * OUTGROWN

    def takes_others(self, now_s: float) -> bool:
        """Return whether the endpoint accepted a request recently, and so refuses only the pace."""
        return now_s - self._delivered_s < RECENTLY_S

    def delivered(self, now_s: float) -> None:
        """Count a request that the endpoint accepted."""
        self._delivered_s = now_s
        self._taken += 1
        lasted_s = now_s - self._began_s
        if lasted_s >= MEASURE_S:
            self._measured_per_s = self._count / lasted_s
            self._began_s, self._count = now_s, 0
        self._count += 1

    def refused(self, began_s: float, asked_s: float, now_s: float) -> float:
        """Learn from a refusal; return the seconds of the pause that follows.

        Args:
            began_s: when the request was sent. Requests that were in flight together are refused
                together; only the first refusal counts.
            asked_s: the endpoint's `Retry-After`; 0: none.
            now_s: seconds of the same clock.
        """
        if began_s <= self.refused_s:
            return asked_s
        if self._taken:
            self._learn(now_s)
        else:
            self._vain += 1
            self._first_per_s = max(FLOOR_PER_S, self._first_per_s / 2)
        hold_s = max(asked_s, min(HOLD_S * math.pow(2.0, min(self._vain, 20)), VAIN_MOST_S))
        self._rest(hold_s, now_s)
        return hold_s

    def used_up(self, began_s: float, renewed_s: float, now_s: float) -> None:
        """Learn from a used-up quota: the requests accepted until its renewal are the limit.

        Args:
            began_s: when the request of that answer was sent.
            renewed_s: seconds until the quota is renewed.
            now_s: seconds of the same clock.
        """
        if began_s <= self.refused_s:
            return
        if self._taken:
            lasted_s = max(MEASURE_S, now_s + renewed_s - self._resumes_s)
            self._ceiling_per_s = max(self._taken / lasted_s, FLOOR_PER_S)
        self._vain = 0
        self._rest(renewed_s, now_s)

    def _rest(self, hold_s: float, now_s: float) -> None:
        """Restart the counts after a time in which nothing is sent."""
        self.is_own = True
        self.refused_s = now_s
        self._resumes_s = self._began_s = now_s + hold_s
        self._taken = self._count = 0
        self._measured_per_s = 0.0

    def _learn(self, now_s: float) -> None:
        """Take the rate of the last second as the limit."""
        lasted_s = max(MEASURE_S, now_s - self._began_s)
        measured = max(self._measured_per_s, self._count / lasted_s, FLOOR_PER_S)
        measured = min(measured, self.per_s(now_s))
        soon = self._ceiling_per_s is not None and now_s - self._resumes_s < SOON_S
        self._ceiling_per_s = measured * LOWER if soon else measured
        self._vain = 0
