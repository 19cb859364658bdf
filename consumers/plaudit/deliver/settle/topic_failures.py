"""Failures of the topics that the worker writes to."""

from __future__ import annotations

from plaudit.kafka.errors import KafkaFailure
from plaudit.logs.logger import event_logger

_log = event_logger(__name__)


class TopicFailures:
    """Logs the first failure of each topic, and its end."""

    def __init__(self) -> None:
        self._by_topic: dict[str, KafkaFailure] = {}

    @property
    def first(self) -> str | None:
        """One of the failures; None if no topic fails."""
        return next((str(error) for error in tuple(self._by_topic.values())), None)

    def failed(self, topic: str, error: KafkaFailure) -> None:
        """Note a failure, and log it if it is new."""
        before = self._by_topic.get(topic)
        self._by_topic[topic] = error
        # Compared by code, because librdkafka describes the same failure with several texts.
        if before is None or before.code != error.code:
            _log.error("settle.failed", extra={"topic": topic, "error": str(error)})

    def recovered(self, topic: str) -> None:
        """Log that writes to a topic succeed again, if they failed."""
        if not self._by_topic:
            return
        before = self._by_topic.pop(topic, None)
        if before is not None:
            _log.info("settle.recovered", extra={"topic": topic, "after": str(before)})
