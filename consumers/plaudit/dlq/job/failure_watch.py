"""What becomes of what is sent again: a job stops sending to an endpoint that keeps failing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from confluent_kafka import OFFSET_END, KafkaException, Message, TopicPartition

from plaudit.dlq.letters.letter import letter_of
from plaudit.kafka.errors import translate
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


class Watch(Protocol):
    """Says whether it is any use to go on."""

    def look(self) -> None:
        """Take in what is new; waits for nothing."""
        ...

    def sent(self, count: int) -> None:
        """Take note of what was sent."""
        ...

    def why_not(self, endpoint: str) -> str | None:
        """Return why nothing more goes to an endpoint, or to a topic (empty); None: it may."""
        ...


class Tail:
    """What a topic gets from now on.

    Args:
        settings: where Kafka is.
        topic: which.
    """

    def __init__(self, settings: KafkaSettings, topic: str) -> None:
        self._topic = topic
        self._reader = BoundedReader(settings, f"{settings.names.prefix}dlq.outcomes")
        self._open = False

    def open(self) -> None:
        """Begin at the end of now.

        Raises:
            KafkaFailure: the topic can't be read.
        """
        partitions = self._reader.partitions(self._topic)
        self._reader.client.assign([TopicPartition(*each, OFFSET_END) for each in partitions])
        self._open = True

    def latest(self) -> list[Message]:
        """Return what has come since the last time; waits for nothing.

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
        self._tail = Tail(settings, settings.names.attempts)

    def __enter__(self) -> Self:
        if self.streaks.most:
            self._tail.open()
        return self

    def __exit__(self, *_: object) -> None:
        self._tail.close()

    def sent(self, count: int) -> None:
        """How many were sent does not matter here."""

    def why_not(self, endpoint: str) -> str | None:
        """Return why nothing more goes to an endpoint; None: it may."""
        if not endpoint:
            return None
        self._endpoints.add(endpoint.encode())
        return self.streaks.why(endpoint) if self.streaks.failing(endpoint) else None

    def look(self) -> None:
        """Take in what the log has got since the last look; waits for nothing.

        Raises:
            KafkaFailure: the log can't be read.
        """
        for message in self._tail.latest():
            if message.key() in self._endpoints:
                self._take(message.value() or b"")

    def _take(self, value: bytes) -> None:
        try:
            attempt: Mapping[str, Any] = decode_attempt(value)
        except RecordError:
            return  # of a release that this one does not know; `plaudit record` reports it
        if attempt["trigger"] in _OURS:
            said = f"status {attempt['status']}" if attempt["status"] else attempt["reason"] or ""
            self.streaks.take(attempt["endpoint_id"], attempt["outcome"], said)


class Returns:
    """How many of the records that were sent again have come back as dead letters. Pure.

    Args:
        most: so many, and half of what was sent, are too many; 0: any number may.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self.sent = 0
        self.back = 0
        self.reason = ""

    def too_many(self) -> bool:
        """Return whether it is no use to go on."""
        return bool(self.most) and self.back >= self.most and 2 * self.back >= self.sent


class ReturnWatch:
    """Follows `dlq.events` from now on, for what was sent again and is no event still.

    Args:
        settings: where Kafka is.
        most: as for `Returns`.
    """

    def __init__(self, settings: KafkaSettings, most: int) -> None:
        self._returns = Returns(most)
        self._tail = Tail(settings, settings.names.dlq_events)

    def __enter__(self) -> Self:
        self._tail.open()
        return self

    def __exit__(self, *_: object) -> None:
        self._tail.close()

    def look(self) -> None:
        """Count what has come back since the last look; waits for nothing.

        Raises:
            KafkaFailure: the topic can't be read.
        """
        for message in self._tail.latest():
            letter = letter_of(message)
            if message.value() is not None and letter.redrives:
                self._returns.back += 1
                self._returns.reason = letter.text(Header.REASON) or ""

    def sent(self, count: int) -> None:
        """Take note of what was sent."""
        self._returns.sent += count

    def why_not(self, endpoint: str) -> str | None:
        """Return why nothing more goes to its topic; None: it may."""
        del endpoint
        returns = self._returns
        if not returns.too_many():
            return None
        return f"{returns.back:,} of {returns.sent:,} came back, the latest: {returns.reason}"
