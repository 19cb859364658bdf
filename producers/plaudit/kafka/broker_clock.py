"""Brokers' clock, estimated by a client.

Whether a retry is due depends on the brokers' clock, because they stamp the record. This machine's
clock may be wrong, and may jump. The append time of an acknowledged write, or of a record that was
read, is a time that the brokers' clock has reached. So `append time - monotonic time` is a lower
bound for the difference between the clocks. The highest bound of the last minute differs from the
true value by the fastest acknowledgement: a few milliseconds, and always in the direction of
"later".
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from plaudit.logs.logger import event_logger

_log = event_logger(__name__)

FORGET_AFTER_S: Final = 30.0
"""Lifetime of a bound; it counts for one to two times as long, so a clock set back is adopted."""
SAY_OVER_MS: Final = 1_000


class BrokerClock:
    """Estimates the brokers' time; returns this machine's time until a write is acknowledged.

    It is safe to use from any thread. Two simultaneous observations may lose a bound; the next one
    follows soon.

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
                self.tell()
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

    def tell(self) -> None:
        """Log once when the clocks differ, and once when they agree again."""
        skew_ms = self.skew_ms or 0.0
        if (abs(skew_ms) > SAY_OVER_MS) == self._said:
            return
        self._said = not self._said
        if self._said:
            _log.warning("clock.skewed", extra={"brokers_ahead_ms": skew_ms})
        else:
            _log.info("clock.in_sync", extra={"brokers_ahead_ms": skew_ms})
