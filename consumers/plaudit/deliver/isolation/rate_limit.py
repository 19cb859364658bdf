"""Rate limiter with reserved send times. Pure, the caller passes the time.

Requests to a limited endpoint leave evenly. What was missed for a moment is caught up on, at little
more than the limit, and never in a burst: with a limit of 5/s, no 60 seconds see more than 303 go,
and no second more than 7. That holds over any number of workers and rebalances, because an owner
begins without credit, an interval after it became one: the owner before may have sent until
then. What arrives can be a little more, because requests take their time: with up to half a second
on the way, an endpoint sees at most 305 in 60 seconds and 10 in one.

What can't go yet gets a turn (see `bookings`).
"""

from __future__ import annotations

from typing import Final

from plaudit.deliver.isolation.bookings import MOST_WAITING, Bookings

CREDIT_S: Final = 0.4
"""What was missed no longer ago than this is caught up on: T seconds see at most
1 + (T + 0.4) · limit …"""
PEAK: Final = 1.25
"""… at so many times the limit: one second sees at most 1 + 1.275 · limit …"""
AT_ONCE_S: Final = 0.02
"""… of which what is due within this time may leave together: timers tick in milliseconds."""
WEIGHT: Final = 0.5
"""Of the latest answer in an endpoint's usual time."""
USUALLY_OPEN_S: Final = 0.5
"""Requests that are not answered may all be on their way still, and arrive together in the end. So
there are no more than the endpoint's usual time explains, or this."""
ALONE_S: Final = 1.0
"""The first request of all goes alone until it is answered, or for so long: it needs a connection,
and finds a worker that is busy with what has just come in. Those after it would catch it up."""
ALIKE: Final = 0.01
LONG_AGO_S: Final = float("-inf")


class RateLimiter:
    """The limit of one endpoint, where it has one owner.

    Args:
        per_s: requests a second; may be under one.
        now_s: seconds of any clock that is used throughout.
        owner_since_s: when this worker became the owner, by the same clock.
    """

    __slots__ = ("_alone_until_s", "_due_s", "_peak_s", "_usual_s", "bookings", "per_s")

    def __init__(self, per_s: float, now_s: float, owner_since_s: float = LONG_AGO_S) -> None:
        self.per_s = per_s
        # When the next request is due at an even pace, and at the pace of catching up.
        self._due_s = max(now_s, owner_since_s + 1 / per_s)
        self._peak_s = self._due_s
        self.bookings = Bookings(now_s)
        self._usual_s = 0.0
        self._alone_until_s: float | None = None

    def change(self, per_s: float, now_s: float) -> None:
        """Take another limit from now on; what was booked comes sooner or later with it."""
        longer = self.per_s / per_s
        self._due_s = now_s + max(0.0, self._due_s - now_s) * longer
        self._peak_s = now_s + max(0.0, self._peak_s - now_s) * longer
        self.bookings.change(longer, now_s)
        self.per_s = per_s

    def own_anew(self, now_s: float) -> None:
        """Begin as an owner does: another one may have sent until now."""
        self._due_s = max(self._due_s, now_s + 1 / self.per_s)

    def rest(self, until_s: float) -> None:
        """Let nothing go before a moment, and catch up on nothing that was missed until then."""
        self._due_s = max(self._due_s, until_s)

    def take(self, now_s: float) -> float:
        """Take leave for one request; return how long to wait for it, 0 when it was taken."""
        self._due_s = max(self._due_s, now_s - CREDIT_S)
        free_s = max(self._due_s, self._peak_s - AT_ONCE_S)
        if free_s > now_s:
            # Rounding must not wake us a hair too early.
            return free_s - now_s + 1e-4
        if self._alone_until_s is None:
            self._alone_until_s = now_s + ALONE_S
        self._due_s += 1 / self.per_s
        self._peak_s = max(self._peak_s, now_s) + 1 / (self.per_s * PEAK)
        return 0.0

    def answered(self, took_s: float) -> None:
        """Take note of how long an answer took."""
        self._alone_until_s = LONG_AGO_S
        self._usual_s += (took_s - self._usual_s) * WEIGHT

    def most_open(self, now_s: float) -> int:
        """Return how many requests may be unanswered at once.

        Twice what the answers' time explains; one, while the first is on its way.
        """
        if self._alone_until_s is not None and now_s < self._alone_until_s:
            return 1
        return 1 + int(self.per_s * max(2 * self._usual_s, USUALLY_OPEN_S))

    def turn(
        self, waiting: int, given_s: float | None, now_s: float, room: int = MOST_WAITING
    ) -> float | None:
        """Return when a delivery's turn is; None: it waits in memory (see `Bookings.turn`)."""
        return self.bookings.turn(self.per_s, waiting, given_s, now_s, room)

    def idle(self, now_s: float) -> bool:
        """Return whether there is nothing to remember: all may go, and no turn was given."""
        return max(self._due_s, self._peak_s) <= now_s and self.bookings.idle(now_s)


def lower(one: float | None, other: float | None) -> float | None:
    """Return the lower one of two limits that may be missing."""
    if one is None or other is None:
        return other if one is None else one
    return min(one, other)


def alike(one: float | None, other: float | None) -> bool:
    """Return whether two limits differ by less than a hundredth."""
    if one is None or other is None:
        return one is other
    return abs(one - other) < one * ALIKE
