"""Bookings: reserved send times of deliveries that an endpoint can't take yet. Pure.

Deliveries for the next few seconds wait in memory. Each further one gets a reserved send time,
which its record carries (`plaudit-turn-at`), and waits in the longest tier that ends before it. It
returns a few times, each time closer to its send time, and never waits in the tier of 24 h. Send
times follow the order of arrival, and an endpoint is never idle while deliveries for it wait in
memory.

10,000 deliveries at 5/s: the last send time is 33 min away, and each returns at most ten times.
"""

from __future__ import annotations

from typing import Final

NEAR_S: Final = 15.0
"""A delivery waits in memory if its send time is nearer than this."""
FEW_S: Final = 2.0
"""With less work than this in memory, a delivery waits here ahead of its send time, so that no slot
is idle."""
MOST_WAITING: Final = 4_096


class Bookings:
    """Reserved send times of one endpoint.

    Args:
        now_s: seconds of a monotonic clock.
    """

    __slots__ = ("_booked_s",)

    def __init__(self, now_s: float) -> None:
        self._booked_s = now_s

    def change(self, longer: float, now_s: float) -> None:
        """Move the bookings by a factor."""
        self._booked_s = now_s + max(0.0, self._booked_s - now_s) * longer

    def book(self, per_s: float, waiting: int, now_s: float) -> float:
        """Reserve the next send time after everything that waits or is booked."""
        self._booked_s = max(self._booked_s, now_s + waiting / per_s) + 1 / per_s
        return self._booked_s

    def send_time(
        self, per_s: float, waiting: int, given_s: float | None, now_s: float, room: int
    ) -> float | None:
        """Return the send time of a delivery; None: it waits in memory.

        Args:
            per_s: deliveries that the endpoint accepts in a second.
            waiting: deliveries in memory.
            given_s: send time that the delivery already has; None: it has none.
            now_s: seconds of the same clock.
            room: deliveries that may wait in memory.
        """
        near_s = min(NEAR_S, room / 2 / per_s)
        if waiting < max(1.0, per_s * min(FEW_S, near_s)):
            return None
        if given_s is not None:
            if given_s > now_s + near_s:
                self._booked_s = max(self._booked_s, given_s)
                return given_s
            # Room is kept for deliveries whose time has come.
            if waiting < max(2.0, per_s * near_s * 2):
                return None
        elif self._booked_s <= now_s and waiting < per_s * near_s:
            return None
        return self.book(per_s, waiting, now_s)

    def idle(self, now_s: float) -> bool:
        """Return whether no booking is in the future."""
        return self._booked_s <= now_s
