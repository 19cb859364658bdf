"""Estimate of the brokers' clock.

Brokers stamp each record, so their clock decides whether a retry is due. This machine's clock may
be wrong, and may jump. The brokers' clock has reached the append time of any record that was
acknowledged or read. So `append time - monotonic time` is a lower bound for the difference between
the clocks. The highest bound of the last minute falls short of the true difference by the latency
of the fastest acknowledgement, a few milliseconds. The estimate is never ahead of the brokers.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from plaudit.logs.logger import event_logger

_log = event_logger(__name__)

FORGET_AFTER_S: Final = 30.0
"""A bound expires after one to two times this, so that a clock that was set back is adopted."""
LOG_SKEW_MS: Final = 1_000


class BrokerClock:
    """Estimates the brokers' time. Until a broker acknowledges a write, it is this machine's time.

    Safe to use from any thread. Of two simultaneous observations one may be lost, which the next
    one corrects.

    Args:
        monotonic: clock in seconds that never jumps.
        wall: this machine's clock, seconds since the epoch.
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
        """Observe a broker's timestamp that is not in the future."""
        now_s = self._monotonic()
        ahead_ms = appended_at_ms - now_s * 1_000
        if self._ahead_ms is None or now_s - self._since_s > FORGET_AFTER_S:
            self._before_ms = self._ahead_ms
            self._ahead_ms = ahead_ms
            self._since_s = now_s
            if self._before_ms is not None:
                # A single sample may have been delayed in transit.
                self.log_skew()
        elif ahead_ms > self._ahead_ms:
            self._ahead_ms = ahead_ms

    def observe_read(self, appended_at_ms: int) -> None:
        """Observe the append time of a record that was read, possibly an old one."""
        ahead_ms = self._ahead_ms
        if ahead_ms is not None and appended_at_ms - self._monotonic() * 1_000 > ahead_ms:
            self.observe(appended_at_ms)

    def now_ms(self) -> int:
        """Return the brokers' time in epoch milliseconds; never later than the true time."""
        ahead_ms = self._bound()
        if ahead_ms is None:
            return int(self._wall() * 1_000)
        return int(self._monotonic() * 1_000 + ahead_ms)

    @property
    def skew_ms(self) -> float | None:
        """Offset of the brokers' clock from this machine's; None until it is known."""
        ahead_ms = self._bound()
        if ahead_ms is None:
            return None
        return self._monotonic() * 1_000 + ahead_ms - self._wall() * 1_000

    def _bound(self) -> float | None:
        ahead_ms, before_ms = self._ahead_ms, self._before_ms
        if ahead_ms is None or before_ms is None:
            return ahead_ms
        return max(ahead_ms, before_ms)

    def log_skew(self) -> None:
        """Log once when the clocks differ, and once when they agree again."""
        skew_ms = self.skew_ms or 0.0
        if (abs(skew_ms) > LOG_SKEW_MS) == self._said:
            return
        self._said = not self._said
        if self._said:
            _log.warning("clock.skewed", extra={"brokers_ahead_ms": skew_ms})
        else:
            _log.info("clock.in_sync", extra={"brokers_ahead_ms": skew_ms})
