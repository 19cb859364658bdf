"""What is wrong with the topics that are written to, by topic."""

from __future__ import annotations

from plaudit.kafka.errors import KafkaFailure
from plaudit.logs.logger import event_logger

_log = event_logger(__name__)


class Troubles:
    """Logs a failure once for each topic, not at every repetition, and its end."""

    def __init__(self) -> None:
        self._by_topic: dict[str, KafkaFailure] = {}

    @property
    def first(self) -> str | None:
        """One of the failures; None while all is well."""
        return next((str(error) for error in tuple(self._by_topic.values())), None)

    def say(self, topic: str, error: KafkaFailure) -> None:
        """Take note of a failure."""
        before = self._by_topic.get(topic)
        self._by_topic[topic] = error
        # By its code: librdkafka has several texts for one trouble, and gives them in turn.
        if before is None or before.code != error.code:
            _log.error("settle.failed", extra={"topic": topic, "error": str(error)})

    def recovered(self, topic: str) -> None:
        """Forget what was wrong with a topic, and say so."""
        if not self._by_topic:
            return
        before = self._by_topic.pop(topic, None)
        if before is not None:
            _log.info("settle.recovered", extra={"topic": topic, "after": str(before)})
