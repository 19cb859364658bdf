"""Rate limits: when the next request may go, and whose turn is when. Pure, the time is given.

Requests to a limited endpoint leave evenly, with a little slack to make up for a late wake-up. The
next half minute's worth waits in memory. What comes on top is told its *turn*, which travels with
it (`plaudit-turn-at`), and waits in the longest tier that brings it back in time; it comes back
a few times, each time closer, instead of climbing to a tier of 24 h. Turns are given in the order
of arrival, and the endpoint is never idle while anything of it waits in memory.

10,000 deliveries at 5/s: the last turn is 33 min away, and each comes back at most ten times.
"""

from __future__ import annotations

from typing import Final

SLACK_S: Final = 0.25
"""A wake-up that is late by no more than this costs nothing. It is also what may go at once:
1 + 0.25 s · rate, so that no second sees more than 1 + 1.25 · rate, under twice the rate."""
NEAR_S: Final = 15.0
"""A turn so near is waited for in memory."""
FEW_S: Final = 2.0
"""With less than this waiting, a delivery may wait here out of turn: no slot is left unused."""
MOST_WAITING: Final = 4_096


class Turns:
    """The limit of one endpoint, where it has one owner.

    Args:
        per_s: requests a second; may be under one.
        now_s: seconds of any clock that is used throughout.
    """

    __slots__ = ("_at_s", "_booked_s", "_tokens", "per_s")

    def __init__(self, per_s: float, now_s: float) -> None:
        self.per_s = per_s
        # One, not all: after a rebalance, the owner before us may have sent as many just now.
        self._tokens = 1.0
        self._at_s = now_s
        self._booked_s = now_s

    def change(self, per_s: float, now_s: float) -> None:
        """Take another limit from now on; what was booked comes sooner or later with it."""
        self._refill(now_s)
        self._booked_s = now_s + max(0.0, self._booked_s - now_s) * self.per_s / per_s
        self.per_s = per_s
        self._tokens = min(self._tokens, self._most)

    def take(self, now_s: float) -> float:
        """Take leave for one request; return how long to wait for it, 0 when it was taken."""
        self._refill(now_s)
        if self._tokens >= 1:
            self._tokens -= 1
            return 0.0
        # Rounding must not wake us a hair too early.
        return (1 - self._tokens) / self.per_s + 1e-4

    def turn(self, waiting: int, given_s: float | None, now_s: float) -> float | None:
        """Return when a delivery's turn is; None: it waits in memory.

        Args:
            waiting: deliveries in memory.
            given_s: the turn that it was told before.
            now_s: by the same clock.
        """
        near_s = min(NEAR_S, MOST_WAITING / 2 / self.per_s)
        if waiting < max(1.0, self.per_s * min(FEW_S, near_s)):
            return None
        if given_s is not None:
            if given_s > now_s + near_s:
                self._booked_s = max(self._booked_s, given_s)
                return given_s
            # Room is kept for those that were told to come now.
            if waiting < max(2.0, self.per_s * near_s * 2):
                return None
        elif self._booked_s <= now_s and waiting < self.per_s * near_s:
            return None
        self._booked_s = max(self._booked_s, now_s + waiting / self.per_s) + 1 / self.per_s
        return self._booked_s

    def idle(self, now_s: float) -> bool:
        """Return whether there is nothing to remember: all may go, and no turn was given."""
        self._refill(now_s)
        return self._tokens >= self._most and self._booked_s <= now_s

    @property
    def _most(self) -> float:
        return 1 + self.per_s * SLACK_S

    def _refill(self, now_s: float) -> None:
        self._tokens = min(self._most, self._tokens + max(0.0, now_s - self._at_s) * self.per_s)
        self._at_s = now_s
