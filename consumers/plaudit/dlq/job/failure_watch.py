"""Failure watch, which stops sending to an endpoint that keeps failing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from confluent_kafka import OFFSET_END, KafkaException, Message, TopicPartition

from plaudit.dlq.letters.letter import letter_of
from plaudit.kafka.errors import translate
from plaudit.kafka.read.attempts import attempt_value
from plaudit.kafka.read.range import BoundedReader
from plaudit.kafka.settings import KafkaSettings
from plaudit.records.attempt import Outcome, decode_attempt
from plaudit.records.codec import RecordError
from plaudit.records.names import Header

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, Self

_FAILED: Final = frozenset({Outcome.RETRYING, Outcome.DEAD, Outcome.GONE})
_OURS: Final = frozenset({"redrive", "replay"})
_MOST: Final = 5_000


class FailureWatch(Protocol):
    """Decides whether to continue sending."""

    def poll(self) -> None:
        """Process new records, without waiting."""
        ...

    def sent(self, count: int) -> None:
        """Count records that were sent."""
        ...

    def stop_reason(self, endpoint: str) -> str | None:
        """Return why to stop sending to an endpoint (empty: to a topic); None to continue."""
        ...


class Tail:
    """Reader of new records of a topic.

    Args:
        settings: connection to Kafka.
        topic: the topic.
    """

    def __init__(self, settings: KafkaSettings, topic: str) -> None:
        self._topic = topic
        self._reader = BoundedReader(settings, f"{settings.names.prefix}dlq.outcomes")
        self._open = False

    def open(self) -> None:
        """Start at the current end.

        Raises:
            KafkaFailure: the topic can't be read.
        """
        partitions = self._reader.partitions(self._topic)
        self._reader.client.assign([TopicPartition(*each, OFFSET_END) for each in partitions])
        self._open = True

    def latest(self) -> list[Message]:
        """Return the records since the last call, without waiting.

        Raises:
            KafkaFailure: the topic can't be read.
        """
        if not self._open:
            return []
        try:
            messages = self._reader.client.consume(_MOST, 0)
        except KafkaException as error:
            raise translate(error, f"read topic {self._topic}") from None
        return [each for each in messages if each.error() is None]

    def close(self) -> None:
        """Close the connection."""
        self._reader.close()


class Streaks:
    """Consecutive failures of each endpoint.

    Args:
        most: consecutive failures after which an endpoint counts as failing; 0 means never.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self._streaks: dict[str, int] = {}
        self._said: dict[str, str] = {}

    def count(self, endpoint: str, outcome: str, said: str) -> None:
        """Count an outcome; diversions and cancellations do not count."""
        if outcome == Outcome.DELIVERED:
            self._streaks.pop(endpoint, None)
        elif outcome in _FAILED:
            self._streaks[endpoint] = self._streaks.get(endpoint, 0) + 1
            self._said[endpoint] = said

    def failing(self, endpoint: str) -> bool:
        """Return whether an endpoint is failing."""
        return bool(self.most) and self._streaks.get(endpoint, 0) >= self.most

    def why(self, endpoint: str) -> str:
        """Return a description of an endpoint's failures."""
        return f"{self._streaks.get(endpoint, 0)} failures in a row, {self._said.get(endpoint, '')}"


class OutcomeWatch:
    """Follows the attempts topic for deliveries that the job sent.

    Only attempt records of the job's endpoints are decoded.

    Args:
        settings: connection to Kafka.
        most: allowed consecutive failures of an endpoint; 0 means unlimited.
    """

    def __init__(self, settings: KafkaSettings, most: int) -> None:
        self.streaks = Streaks(most)
        self._endpoints: set[bytes] = set()
        self._tail = Tail(settings, settings.names.attempts)

    def __enter__(self) -> Self:
        if self.streaks.most:
            self._tail.open()
        return self

    def __exit__(self, *_: object) -> None:
        self._tail.close()

    def sent(self, count: int) -> None:
        """Do nothing: the number of sent records does not matter here."""

    def stop_reason(self, endpoint: str) -> str | None:
        """Return why to stop sending to an endpoint; None to continue."""
        if not endpoint:
            return None
        self._endpoints.add(endpoint.encode())
        return self.streaks.why(endpoint) if self.streaks.failing(endpoint) else None

    def poll(self) -> None:
        """Process the new attempt records, without waiting.

        Raises:
            KafkaFailure: the topic can't be read.
        """
        for message in self._tail.latest():
            if message.key() in self._endpoints:
                self._take(attempt_value(message))

    def _take(self, value: bytes) -> None:
        try:
            attempt: Mapping[str, Any] = decode_attempt(value)
        except RecordError:
            return  # written by an unknown release; `plaudit record` reports it
        if attempt["trigger"] in _OURS:
            said = f"status {attempt['status']}" if attempt["status"] else attempt["reason"] or ""
            self.streaks.count(attempt["endpoint_id"], attempt["outcome"], said)


class Returns:
    """Counts sent records that became dead letters again.

    Args:
        most: number that, if it is also half of the sent records, is too much; 0: unlimited.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self.sent = 0
        self.back = 0
        self.reason = ""

    def too_many(self) -> bool:
        """Return whether to stop."""
        return bool(self.most) and self.back >= self.most and 2 * self.back >= self.sent


class ReturnWatch:
    """Follows `dlq.events` for sent records that workers still can't read.

    Args:
        settings: connection to Kafka.
        most: limit, as for `Returns`.
    """

    def __init__(self, settings: KafkaSettings, most: int) -> None:
        self._returns = Returns(most)
        self._tail = Tail(settings, settings.names.dlq_events)

    def __enter__(self) -> Self:
        self._tail.open()
        return self

    def __exit__(self, *_: object) -> None:
        self._tail.close()

    def poll(self) -> None:
        """Count the records that returned since the last call, without waiting.

        Raises:
            KafkaFailure: the topic can't be read.
        """
        for message in self._tail.latest():
            letter = letter_of(message)
            if message.value() is not None and letter.redrives:
                self._returns.back += 1
                self._returns.reason = letter.text(Header.REASON) or ""

    def sent(self, count: int) -> None:
        """Count records that were sent."""
        self._returns.sent += count

    def stop_reason(self, endpoint: str) -> str | None:
        """Return why to stop sending to the topic; None to continue."""
        del endpoint
        returns = self._returns
        if not returns.too_many():
            return None
        return f"{returns.back:,} of {returns.sent:,} came back, the latest with {returns.reason}"
