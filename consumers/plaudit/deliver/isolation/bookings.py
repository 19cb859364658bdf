"""Turns of deliveries that an endpoint can't take yet. Pure, the time is given.

The next few seconds' worth waits in memory. What comes on top gets a *turn*, which travels with it
(`plaudit-turn-at`), and waits in the longest tier that brings it back in time; it comes back a few
times, each time closer, instead of climbing to a tier of 24 h. Turns are given in the order of
arrival, and an endpoint is never idle while anything of it waits in memory.

10,000 deliveries at 5/s: the last turn is 33 min away, and each comes back at most ten times.
"""

from __future__ import annotations

from typing import Final

NEAR_S: Final = 15.0
"""A turn so near is waited for in memory."""
FEW_S: Final = 2.0
"""With less than this waiting, a delivery may wait here out of turn: no slot is left unused."""
MOST_WAITING: Final = 4_096


class Bookings:
    """Turns given to the deliveries of one endpoint.

    Args:
        now_s: seconds of any clock that is used throughout.
    """

    __slots__ = ("_booked_s",)

    def __init__(self, now_s: float) -> None:
        self._booked_s = now_s

    def change(self, longer: float, now_s: float) -> None:
        """Let what was booked come sooner or later, by a factor."""
        self._booked_s = now_s + max(0.0, self._booked_s - now_s) * longer

    def book(self, per_s: float, waiting: int, now_s: float) -> float:
        """Return the next free turn behind everything that waits or was booked."""
        self._booked_s = max(self._booked_s, now_s + waiting / per_s) + 1 / per_s
        return self._booked_s

    def turn(
        self, per_s: float, waiting: int, given_s: float | None, now_s: float, room: int
    ) -> float | None:
        """Return when a delivery's turn is; None: it waits in memory.

        Args:
            per_s: deliveries that the endpoint takes in a second.
            waiting: deliveries in memory.
            given_s: the turn that it got before.
            now_s: by the same clock.
            room: deliveries that may wait in memory.
        """
        near_s = min(NEAR_S, room / 2 / per_s)
        if waiting < max(1.0, per_s * min(FEW_S, near_s)):
            return None
        if given_s is not None:
            if given_s > now_s + near_s:
                self._booked_s = max(self._booked_s, given_s)
                return given_s
            # Room is kept for those that were told to come now.
            if waiting < max(2.0, per_s * near_s * 2):
                return None
        elif self._booked_s <= now_s and waiting < per_s * near_s:
            return None
        return self.book(per_s, waiting, now_s)

    def idle(self, now_s: float) -> bool:
        """Return whether no turn is still to come."""
        return self._booked_s <= now_s
