"""Back-pressure for bulk jobs: they wait while workers are behind."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from plaudit.kafka.errors import KafkaUnavailable
from plaudit.kafka.read.lag import LagReader
from plaudit.kafka.settings import KafkaSettings

if TYPE_CHECKING:
    from typing import Self

LAG_CAP: Final = 10_000
LOOK_EVERY_S: Final = 1.0


class LagGuard:
    """Monitors the lag of the deliveries lane in `deliveries.now`.

    Args:
        settings: connection to Kafka.
        cap: maximum number of waiting records; 0 means unlimited.
        now: monotonic clock in seconds.
    """

    def __init__(
        self, settings: KafkaSettings, cap: int, now: Callable[[], float] = time.monotonic
    ) -> None:
        self.cap = cap
        self._now = now
        self._looked_at = float("-inf")
        self._sent_since = 0
        self._behind = 0
        self._topic = settings.names.deliveries_now
        self._lag = LagReader(settings, settings.names.deliveries_group)

    def sent(self, count: int) -> None:
        """Count records that were sent since the last measurement."""
        self._sent_since += count

    def room(self) -> int:
        """Return how many records may be sent now.

        Raises:
            KafkaFailure: the brokers refuse to report the lag.
        """
        if not self.cap:
            return 1_000_000_000
        # Between two measurements, everything sent counts as not delivered yet.
        full = self._behind + self._sent_since >= self.cap
        if self._now() >= self._looked_at + LOOK_EVERY_S or (full and self._sent_since):
            self._look()
        return max(0, self.cap - self._behind - self._sent_since)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._lag.close()

    def _look(self) -> None:
        self._looked_at = self._now()
        try:
            self._behind = sum(each.behind for each in self._lag.read([self._topic]))
        except KafkaUnavailable:
            self._behind = self.cap  # the lag is unknown: wait and measure again
        self._sent_since = 0
