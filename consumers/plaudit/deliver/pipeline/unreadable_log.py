"""Log of unreadable records."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from plaudit.deliver.offsets.assignment import Record
from plaudit.kafka.read.consumer import Partition
from plaudit.logs.logger import event_logger

_log = event_logger(__name__)

LOG_AGAIN_S: Final = 60.0
"""Each reason of a partition is logged once a minute, so that garbage does not fill the log."""
MOST_CHARACTERS: Final = 300


class UnreadableLog:
    """Logs records that become dead letters, each reason of a partition once a minute.

    Args:
        monotonic: seconds.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        # Time of the last log event, and the number of records since then.
        self._logged: dict[tuple[Partition, str], tuple[float, int]] = {}

    def note(self, record: Record, reason: str, detail: str) -> None:
        """Log a record that becomes a dead letter, and the number of unlogged ones before it."""
        partition, now = record.assignment.partition, self._monotonic()
        logged_at, unlogged = self._logged.get((partition, reason), (float("-inf"), 0))
        if now < logged_at + LOG_AGAIN_S:
            self._logged[partition, reason] = logged_at, unlogged + 1
            return
        self._logged[partition, reason] = now, 0
        _log.warning(
            "record.unreadable",
            extra={
                "partition": str(partition),
                "offset": record.offset,
                "reason": reason,
                "detail": detail[:MOST_CHARACTERS],
                "not_logged_before": unlogged,
            },
        )
