"""The brokers' time, as far as a client can know it.

Whether a retry is due is a question of the brokers' clock: they stamped the record. The clock of
this machine may be wrong, and may jump. But whenever a write is acknowledged, its append time is a
moment that the brokers' clock has reached, and so is that of a record that was read. `append time -
monotonic time` is a lower bound of the difference between the two clocks. The highest of the last
minute misses the true difference by
the quickest acknowledgement: a few milliseconds, and always towards "later".
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Final

_log = logging.getLogger(__name__)

FORGET_AFTER_S: Final = 30.0
"""A bound counts for one to two times as long: a broker's clock that is put back is believed."""
SAY_OVER_MS: Final = 1_000


class BrokerClock:
    """Tells the brokers' time; until a write was acknowledged, that of this machine.

    All of it belongs to any thread: two that observe at once may forget a bound, and the next one
    comes soon.

    Args:
        monotonic: seconds that never jump.
        wall: this machine's time, seconds since the epoch.
    """

    def __init__(
        self,
        monotonic: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._monotonic = monotonic
        self._wall = wall
        self._ahead_ms: float | None = None
        self._before_ms: float | None = None
        self._since_s = 0.0
        self._said = False

    def observe(self, appended_at_ms: int) -> None:
        """Take note of a broker's timestamp that is not in its future."""
        now_s = self._monotonic()
        ahead_ms = appended_at_ms - now_s * 1_000
        if self._ahead_ms is None or now_s - self._since_s > FORGET_AFTER_S:
            self._before_ms = self._ahead_ms
            self._ahead_ms = ahead_ms
            self._since_s = now_s
            if self._before_ms is not None:
                # One sample alone may have been long on its way.
                self.tell()
        elif ahead_ms > self._ahead_ms:
            self._ahead_ms = ahead_ms

    def observe_read(self, appended_at_ms: int) -> None:
        """Take note of the append time of a record that was read, which may be long ago."""
        ahead_ms = self._ahead_ms
        if ahead_ms is not None and appended_at_ms - self._monotonic() * 1_000 > ahead_ms:
            self.observe(appended_at_ms)

    def now_ms(self) -> int:
        """Return the brokers' time in epoch milliseconds; never later than it is."""
        ahead_ms = self._bound()
        if ahead_ms is None:
            return int(self._wall() * 1_000)
        return int(self._monotonic() * 1_000 + ahead_ms)

    @property
    def skew_ms(self) -> float | None:
        """How far the brokers' clock is ahead of this machine's; None while nothing is known."""
        ahead_ms = self._bound()
        if ahead_ms is None:
            return None
        return self._monotonic() * 1_000 + ahead_ms - self._wall() * 1_000

    def _bound(self) -> float | None:
        ahead_ms, before_ms = self._ahead_ms, self._before_ms
        if ahead_ms is None or before_ms is None:
            return ahead_ms
        return max(ahead_ms, before_ms)

    def tell(self) -> None:
        """Log once when the clocks differ, and once when they agree again."""
        skew_ms = self.skew_ms or 0.0
        if (abs(skew_ms) > SAY_OVER_MS) == self._said:
            return
        self._said = not self._said
        write = _log.warning if self._said else _log.info
        write("clock.skewed" if self._said else "clock.agrees", extra={"brokers_ahead_ms": skew_ms})
