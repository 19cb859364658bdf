"""Log of a table that falls behind its topic: one line each time."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from plaudit.kafka.errors import KafkaFailure
from plaudit.logs.logger import event_logger

_log = event_logger(__name__)

BEHIND_AFTER_S: Final = 2.0
"""Grace period: a restarting broker breaks connections, but another may keep the table current."""


class BehindLogger:
    """Logs that a table is behind; belongs to the thread that follows the topic.

    Args:
        topic: the compacted topic.
        monotonic: seconds that never jump.
    """

    def __init__(self, topic: str, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._topic = topic
        self._monotonic = monotonic
        self._code: str | None = None

    def failed(self, failure: KafkaFailure, current_as_of: float | None) -> None:
        """Note a failure; log it if the table is behind and the failure is new.

        Before the first full read this is INFO: the caller of `wait_ready` reports the problem.
        """
        behind = current_as_of is None or self._monotonic() - current_as_of >= BEHIND_AFTER_S
        if not behind or failure.code == self._code:
            return
        self._code = failure.code
        write = _log.info if current_as_of is None else _log.warning
        write("table.behind", extra={"topic": self._topic, "error": str(failure)})

    def is_current(self) -> None:
        """Note that the table is current, so that the next failure is logged."""
        self._code = None
