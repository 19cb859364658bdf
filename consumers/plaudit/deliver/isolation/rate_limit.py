"""Rate limiter with reserved send times. Pure: the caller passes the time.

Requests to a limited endpoint leave evenly. After a short delay, requests leave slightly faster
than the limit, and never in a burst: with a limit of 5/s, at most 303 requests leave in any 60
seconds, and at most 7 in any second. This holds over any number of workers and rebalances, because
a new owner starts without credit, one interval after it became the owner: the previous owner may
have sent requests until then. Slightly more may arrive, because requests take time: with up to half
a second of latency, an endpoint receives at most 305 in 60 seconds and 10 in one second.

A delivery that can't leave yet gets a reserved send time (see `bookings`).
"""

from __future__ import annotations

from typing import Final

from plaudit.deliver.isolation.bookings import MOST_WAITING, Bookings

CREDIT_S: Final = 0.4
"""Longest delay that is made up for: in T seconds, at most 1 + (T + 0.4) · limit leave …"""
PEAK: Final = 1.25
"""… at this factor of the limit: in one second, at most 1 + 1.275 · limit …"""
AT_ONCE_S: Final = 0.02
"""… of which those due within this time may leave together: timers tick in milliseconds."""
WEIGHT: Final = 0.5
"""Weight of the latest answer in an endpoint's usual duration."""
USUALLY_OPEN_S: Final = 0.5
"""Unanswered requests may arrive together. So their number is limited to the number that the
endpoint's usual duration explains, or to this."""
ALONE_S: Final = 1.0
"""The first request is sent alone until it is answered, or for this time: it needs a connection,
and the worker is busy with what has just arrived. Later requests would catch up with it."""
ALIKE: Final = 0.01
LONG_AGO_S: Final = float("-inf")


class RateLimiter:
    """Rate limiter of one endpoint, in the lane where it has one owner.

    Args:
        per_s: requests a second; may be less than one.
        now_s: seconds of a monotonic clock.
        owner_since_s: when this worker became the owner, seconds of the same clock.
    """

    __slots__ = ("_alone_until_s", "_due_s", "_peak_s", "_usual_s", "bookings", "per_s")

    def __init__(self, per_s: float, now_s: float, owner_since_s: float = LONG_AGO_S) -> None:
        self.per_s = per_s
        # When the next request is due at the even pace, and at the faster pace after a delay.
        self._due_s = max(now_s, owner_since_s + 1 / per_s)
        self._peak_s = self._due_s
        self.bookings = Bookings(now_s)
        self._usual_s = 0.0
        self._alone_until_s: float | None = None

    def change(self, per_s: float, now_s: float) -> None:
        """Change the limit, and move the bookings with it."""
        longer = self.per_s / per_s
        self._due_s = now_s + max(0.0, self._due_s - now_s) * longer
        self._peak_s = now_s + max(0.0, self._peak_s - now_s) * longer
        self.bookings.change(longer, now_s)
        self.per_s = per_s

    def restart_ownership(self, now_s: float) -> None:
        """Restart as a new owner: another worker may have sent until now."""
        self._due_s = max(self._due_s, now_s + 1 / self.per_s)

    def rest(self, until_s: float) -> None:
        """Send nothing before a time, and do not make up for it afterwards."""
        self._due_s = max(self._due_s, until_s)

    def take(self, now_s: float) -> float:
        """Reserve one request; return the seconds to wait, or 0 if it was reserved."""
        self._due_s = max(self._due_s, now_s - CREDIT_S)
        free_s = max(self._due_s, self._peak_s - AT_ONCE_S)
        if free_s > now_s:
            # Rounding must not end the wait too early.
            return free_s - now_s + 1e-4
        if self._alone_until_s is None:
            self._alone_until_s = now_s + ALONE_S
        self._due_s += 1 / self.per_s
        self._peak_s = max(self._peak_s, now_s) + 1 / (self.per_s * PEAK)
        return 0.0

    def answered(self, took_s: float) -> None:
        """Note the duration of an answer."""
        self._alone_until_s = LONG_AGO_S
        self._usual_s += (took_s - self._usual_s) * WEIGHT

    def most_open(self, now_s: float) -> int:
        """Return the number of requests that may be unanswered."""
        if self._alone_until_s is not None and now_s < self._alone_until_s:
            return 1
        return 1 + int(self.per_s * max(2 * self._usual_s, USUALLY_OPEN_S))

    def send_time(
        self, waiting: int, given_s: float | None, now_s: float, room: int = MOST_WAITING
    ) -> float | None:
        """Return a delivery's send time, as `Bookings.send_time`; None: it waits in memory."""
        return self.bookings.send_time(self.per_s, waiting, given_s, now_s, room)

    def idle(self, now_s: float) -> bool:
        """Return whether no request waits and no send time is booked."""
        return max(self._due_s, self._peak_s) <= now_s and self.bookings.idle(now_s)


def lower(one: float | None, other: float | None) -> float | None:
    """Return the lower one of two limits that may be missing."""
    if one is None or other is None:
        return other if one is None else one
    return min(one, other)


def nearly_equal(one: float | None, other: float | None) -> bool:
    """Return whether two limits differ by less than a hundredth."""
    if one is None or other is None:
        return one is other
    return abs(one - other) < one * ALIKE
