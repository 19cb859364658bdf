"""How many requests at once an endpoint takes best, learnt from what it answers in a second. Pure.

An endpoint whose answers take longer the more requests it has does not gain by more of them, and
some lose: 64 at once then get fewer through than 16. While deliveries wait, the number at once is
halved for a trial whenever answers take twice as long as the quickest did. It stays halved if as
many answers come as before. A number that was lowered is doubled for a trial every half minute, and
stays so if more come.
"""

from __future__ import annotations

from typing import Final

LEAST: Final = 2
GREW: Final = 2.0
"""Answers that take so many times the quickest are a reason for a trial."""
AS_MANY: Final = 0.95
MORE: Final = 1.1
WINDOW_S: Final = 1.0
"""For so long, or two answers' time, answers are counted; what was on its way before a trial is
waited for equally long."""
RISE_EVERY_S: Final = 30.0
VAIN_S: Final = 30.0
"""After a trial with fewer at once that got fewer answers, the next one waits so long …"""
VAIN_MOST_S: Final = 600.0
"""… and twice as long each time, up to this."""


class Concurrency:
    """The number of requests at once that one endpoint may have, in each of the lanes.

    Args:
        most: at the most; it begins with so many.
        now_s: seconds of any clock that is used throughout.

    Attributes:
        at_once: requests that it may have now.
    """

    __slots__ = (
        "_began_s",
        "_count",
        "_falls_at_s",
        "_most",
        "_rises_at_s",
        "_settled",
        "_total_s",
        "_usual",
        "_usual_per_s",
        "_vain_s",
        "_waiting",
        "at_once",
    )  # fmt: skip

    def __init__(self, most: int, now_s: float) -> None:
        self.at_once = self._usual = self._most = most
        self._usual_per_s = 0.0
        self._vain_s = VAIN_S
        self._falls_at_s = now_s
        self._rises_at_s = now_s + RISE_EVERY_S
        # The first answers of a window belong to what was before it.
        self._settled = False
        self._began_s, self._count, self._waiting, self._total_s = now_s, 0, 0, 0.0

    def answered(
        self, took_s: float, quickest_s: float, now_s: float, *, waiting: bool = True
    ) -> None:
        """Count an answer of either lane; only while deliveries wait does it say anything.

        Args:
            took_s: how long it took.
            quickest_s: how long the endpoint's quickest answer took.
            now_s: by the same clock.
            waiting: whether deliveries waited for a slot.
        """
        self._count += 1
        self._waiting += waiting
        self._total_s += took_s
        lasted_s, mean_s = now_s - self._began_s, self._total_s / self._count
        if lasted_s < max(WINDOW_S, 2 * mean_s):
            return
        per_s, says_much = self._count / lasted_s, self._waiting * 2 > self._count
        self._began_s, self._count, self._waiting, self._total_s = now_s, 0, 0, 0.0
        if not says_much:
            return
        if not self._settled:
            self._settled = True
        elif self.at_once == self._usual:
            self._usual_per_s = per_s
            self._try(strained=mean_s > GREW * quickest_s, now_s=now_s)
        else:
            self._judge(per_s, now_s)

    def _try(self, *, strained: bool, now_s: float) -> None:
        """Begin a trial, if there is a reason."""
        if self._usual < self._most and now_s >= self._rises_at_s:
            self._set(min(self._most, self._usual * 2))
        elif strained and self._usual > LEAST and now_s >= self._falls_at_s:
            self._set(max(LEAST, self._usual // 2))

    def _judge(self, per_s: float, now_s: float) -> None:
        """Keep the number that was tried, or go back to the usual one."""
        rises = self.at_once > self._usual
        if per_s >= self._usual_per_s * (MORE if rises else AS_MANY):
            self._usual, self._usual_per_s = self.at_once, per_s
            self._vain_s = VAIN_S
        elif not rises:
            self._falls_at_s = now_s + self._vain_s
            self._vain_s = min(self._vain_s * 2, VAIN_MOST_S)
        if rises:
            # What has just been found too many is not to be found out once more by a fall.
            self._falls_at_s = max(self._falls_at_s, now_s + VAIN_S)
        self._rises_at_s = now_s + RISE_EVERY_S
        self._set(self._usual)

    def _set(self, at_once: int) -> None:
        if at_once != self.at_once:
            self.at_once, self._settled = at_once, False
