"""What is logged of records that become dead letters without having been read."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from plaudit.deliver.offsets.assignment import Record
from plaudit.kafka.read.consumer import Partition
from plaudit.logs.logger import event_logger

_log = event_logger(__name__)

SAY_AGAIN_S: Final = 60.0
"""A partition full of garbage must not fill the log: one line a minute for each reason."""
MOST_CHARACTERS: Final = 300


class Unread:
    """Logs records that become dead letters, each reason of a partition once in a while.

    Args:
        monotonic: seconds.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        # When it was said last, and how many have not been since.
        self._said: dict[tuple[Partition, str], tuple[float, int]] = {}

    def note(self, record: Record, reason: str, detail: str) -> None:
        """Log a record that becomes a dead letter, and how many were not logged before it."""
        partition, now = record.assignment.partition, self._monotonic()
        said_at, silent = self._said.get((partition, reason), (float("-inf"), 0))
        if now < said_at + SAY_AGAIN_S:
            self._said[partition, reason] = said_at, silent + 1
            return
        self._said[partition, reason] = now, 0
        _log.warning(
            "record.unreadable",
            extra={
                "partition": str(partition),
                "offset": record.offset,
                "reason": reason,
                "detail": detail[:MOST_CHARACTERS],
                "not_logged_before": silent,
            },
        )
