"""What becomes of what is sent again: a job stops sending to an endpoint that keeps failing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from confluent_kafka import OFFSET_END, KafkaException, TopicPartition

from plaudit.dlq.reading import BoundedReader
from plaudit.kafka.errors import translate
from plaudit.kafka.settings import KafkaSettings
from plaudit.records.attempt import Outcome, decode_attempt
from plaudit.records.codec import RecordError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, Self

_FAILED: Final = frozenset({Outcome.RETRYING, Outcome.DEAD, Outcome.GONE})
_OURS: Final = frozenset({"redrive", "replay"})
_MOST: Final = 5_000


class Streaks:
    """Failures in a row of each endpoint. Pure.

    Args:
        most: so many in a row and the endpoint is failing; 0: never.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self._streaks: dict[str, int] = {}
        self._said: dict[str, str] = {}

    def take(self, endpoint: str, outcome: str, said: str) -> None:
        """Count an outcome; what was only put off or cancelled says nothing."""
        if outcome == Outcome.DELIVERED:
            self._streaks.pop(endpoint, None)
        elif outcome in _FAILED:
            self._streaks[endpoint] = self._streaks.get(endpoint, 0) + 1
            self._said[endpoint] = said

    def failing(self, endpoint: str) -> bool:
        """Return whether an endpoint is failing."""
        return bool(self.most) and self._streaks.get(endpoint, 0) >= self.most

    def why(self, endpoint: str) -> str:
        """Return what its latest failure was."""
        return f"{self._streaks.get(endpoint, 0)} failures in a row, {self._said.get(endpoint, '')}"


class OutcomeWatch:
    """Follows the log of attempts from now on, for what was sent again.

    Only lines of endpoints that the job sends to are decoded.

    Args:
        settings: where Kafka is.
        most: failures in a row that an endpoint may have; 0: any number.
    """

    def __init__(self, settings: KafkaSettings, most: int) -> None:
        self.streaks = Streaks(most)
        self._endpoints: set[bytes] = set()
        self._topic = settings.names.attempts
        self._reader = BoundedReader(settings, f"{settings.names.prefix}dlq.outcomes")

    def __enter__(self) -> Self:
        if self.streaks.most:
            self._reader.client.assign(
                [TopicPartition(*each, OFFSET_END) for each in self._reader.partitions(self._topic)]
            )
        return self

    def __exit__(self, *_: object) -> None:
        self._reader.close()

    def sends_to(self, endpoint: str) -> None:
        """Take note of an endpoint that is sent to."""
        self._endpoints.add(endpoint.encode())

    def look(self) -> None:
        """Take in what the log has got since the last look; waits for nothing.

        Raises:
            KafkaFailure: the log can't be read.
        """
        if not self.streaks.most:
            return
        try:
            messages = self._reader.client.consume(_MOST, 0)
        except KafkaException as error:
            raise translate(error, f"read topic {self._topic}") from None
        for message in messages:
            if message.error() is None and message.key() in self._endpoints:
                self._take(message.value() or b"")

    def _take(self, value: bytes) -> None:
        try:
            attempt: Mapping[str, Any] = decode_attempt(value)
        except RecordError:
            return  # of a release that this one does not know; `plaudit record` reports it
        if attempt["trigger"] in _OURS:
            said = f"status {attempt['status']}" if attempt["status"] else attempt["reason"] or ""
            self.streaks.take(attempt["endpoint_id"], attempt["outcome"], said)
