"""Follower of the endpoints topic, which keeps the table current."""

from __future__ import annotations

from typing import Final

from plaudit.endpoints.table import EndpointTable
from plaudit.kafka.errors import KafkaFailure
from plaudit.kafka.read.compacted import CompactedTopic
from plaudit.kafka.settings import KafkaSettings

ASK_EVERY_S: Final = 0.8
"""With the answer, which a fetch may hold for half of it, less than the 2 s after which workers
call the table stale."""


class EndpointsFollower:
    """Reads the topic of endpoints into a table, in a thread.

    Args:
        settings: connection to Kafka.
        table: the table to keep current.

    Raises:
        SettingsError: a librdkafka property is refused.
    """

    def __init__(self, settings: KafkaSettings, table: EndpointTable) -> None:
        self._table = table
        self._topic = CompactedTopic(
            settings, settings.names.endpoints, self._apply, ask_every_s=ASK_EVERY_S
        )

    def _apply(self, key: bytes, value: bytes | None) -> None:
        self._table.apply(key, value, self._topic.appended_ms)

    @property
    def current_as_of(self) -> float | None:
        """Monotonic time (s) at which the table was known to be complete; None before that."""
        return self._topic.current_as_of

    @property
    def problem(self) -> KafkaFailure | None:
        """Problem that keeps the table from being current, or empty."""
        return self._topic.problem

    def start(self) -> None:
        """Start reading."""
        self._topic.start()

    def wait_ready(self, timeout_s: float) -> bool:
        """Wait until the topic has been read to its end once; return False on time-out."""
        return self._topic.wait_ready(timeout_s)

    def close(self) -> None:
        """Stop reading."""
        self._topic.close()
