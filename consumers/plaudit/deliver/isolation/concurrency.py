"""Concurrency limit of an endpoint, learnt from its answers per second. Pure.

If an endpoint answers more slowly the more requests are in flight, further requests do not help,
and may even lower its throughput. While deliveries wait, a trial halves the limit whenever answers
take twice as long as the quickest one. The limit stays halved if the endpoint answers as many
requests as before. Every half minute, a trial doubles a lowered limit. The doubled limit stays if
the endpoint answers more requests.
"""

from __future__ import annotations

from typing import Final

LEAST: Final = 2
GREW: Final = 2.0
"""Answers that take longer than the quickest by this factor are a reason for a trial."""
AS_MANY: Final = 0.95
MORE: Final = 1.1
WINDOW_S: Final = 1.0
"""Answers are counted for this time, or for the time of two answers. Requests that were sent before
a trial have the same time to finish."""
RISE_EVERY_S: Final = 30.0
VAIN_S: Final = 30.0
"""After a lower limit has brought fewer answers, the next trial waits for this time …"""
VAIN_MOST_S: Final = 600.0
"""… which doubles with each such trial, up to this."""


class Concurrency:
    """Concurrency limit of one endpoint, in each of the lanes.

    Args:
        most: upper bound, and first value.
        now_s: seconds of a monotonic clock.

    Attributes:
        at_once: the current limit.
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
        # The first answers of a window belong to the one before it.
        self._settled = False
        self._began_s, self._count, self._waiting, self._total_s = now_s, 0, 0, 0.0

    def answered(
        self, took_s: float, quickest_s: float, now_s: float, *, waiting: bool = True
    ) -> None:
        """Count an answer of either lane; only answers while deliveries wait are significant.

        Args:
            took_s: the answer's duration.
            quickest_s: duration of the endpoint's quickest answer.
            now_s: seconds of the same clock.
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
        """Start a trial, if there is a reason."""
        if self._usual < self._most and now_s >= self._rises_at_s:
            self._set(min(self._most, self._usual * 2))
        elif strained and self._usual > LEAST and now_s >= self._falls_at_s:
            self._set(max(LEAST, self._usual // 2))

    def _judge(self, per_s: float, now_s: float) -> None:
        """Keep the limit of a trial, or return to the one before."""
        rises = self.at_once > self._usual
        if per_s >= self._usual_per_s * (MORE if rises else AS_MANY):
            self._usual, self._usual_per_s = self.at_once, per_s
            self._vain_s = VAIN_S
        elif not rises:
            self._falls_at_s = now_s + self._vain_s
            self._vain_s = min(self._vain_s * 2, VAIN_MOST_S)
        if rises:
            # A limit that was just found too high need not be found again by lowering it.
            self._falls_at_s = max(self._falls_at_s, now_s + VAIN_S)
        self._rises_at_s = now_s + RISE_EVERY_S
        self._set(self._usual)

    def _set(self, at_once: int) -> None:
        if at_once != self.at_once:
            self.at_once, self._settled = at_once, False
