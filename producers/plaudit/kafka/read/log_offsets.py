"""Offsets of many partitions by time, for users that may only describe topics."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from concurrent.futures import Future
from typing import Final, NamedTuple, TypeVar

from confluent_kafka import KafkaException, TopicPartition

from plaudit.kafka.admin_clients import open_admin_client
from plaudit.kafka.admin_types import (
    ListOffsetsResult,
    OffsetSpec,
    TimestampSpec,
    TopicMetadata,
)
from plaudit.kafka.connection_errors import ConnectionErrors
from plaudit.kafka.errors import KafkaUnavailable, translate
from plaudit.kafka.read.consumer import Partition
from plaudit.kafka.settings import KafkaSettings

TIMEOUT_S: Final = 10.0
_GRACE_S: Final = 2.0
_NONE: Final = -1
_START: Final = -2
_END: Final = -1
"""Values of Kafka's protocol in place of a time."""
_T = TypeVar("_T")


class LogPlace(NamedTuple):
    """A record's place in its log.

    Attributes:
        offset: its offset.
        timestamp_ms: when it was appended; epoch milliseconds.
    """

    offset: int
    timestamp_ms: int


class LogOffsets:
    """Looks up offsets, with one request to each broker for all partitions of a call.

    Args:
        settings: connection to Kafka.
        timeout_s: time limit of a call.

    Raises:
        SettingsError: librdkafka rejects a property.
    """

    def __init__(self, settings: KafkaSettings, timeout_s: float = TIMEOUT_S) -> None:
        self._timeout_s = timeout_s
        self._errors = ConnectionErrors()
        config = {**settings.client_config(), "error_cb": self._errors.note_error}
        self._client = open_admin_client(settings, config)

    def topics(self) -> list[str]:
        """Return the names of all topics that this user may see; raises like `partitions`."""
        return sorted(self._known())

    def partitions(self, topics: Collection[str]) -> list[Partition]:
        """Return the partitions of these topics; topics that do not exist are omitted.

        Raises:
            KafkaFailure: the brokers are unavailable, or refuse.
        """
        known = self._known()
        wanted = [topic for topic in topics if topic in known]
        return [Partition(topic, number) for topic in wanted for number in known[topic].partitions]

    def starts(self, partitions: Collection[Partition]) -> dict[Partition, int]:
        """Return the first offset of each log; raises like `after`."""
        asked = dict.fromkeys(partitions, TimestampSpec(_START))
        return {each: place.offset for each, place in self._ask(asked).items()}

    def ends(self, partitions: Collection[Partition]) -> dict[Partition, int]:
        """Return the offset after the last record of each log; raises like `after`."""
        asked = dict.fromkeys(partitions, TimestampSpec(_END))
        return {each: place.offset for each, place in self._ask(asked).items()}

    def after(self, moments: Mapping[Partition, int]) -> dict[Partition, LogPlace | None]:
        """Return the first record that was appended at or after a moment; None if all are older.

        Args:
            moments: epoch milliseconds, for each partition its own.

        Raises:
            KafkaFailure: the brokers are unavailable, or refuse.
        """
        asked = {each: TimestampSpec(max(0, at)) for each, at in moments.items()}
        found = self._ask(asked)
        return {each: None if place.offset == _NONE else place for each, place in found.items()}

    def _known(self) -> Mapping[str, TopicMetadata]:
        try:
            return self._client.list_topics(timeout=self._timeout_s).topics
        except KafkaException as error:
            self._client.poll(0)  # serves the error callback with the connections' errors
            raise self._errors.explained(translate(error, "list topics")) from None

    def _ask(self, asked: Mapping[Partition, OffsetSpec]) -> dict[Partition, LogPlace]:
        if not asked:
            return {}
        futures = self._client.list_offsets(
            {TopicPartition(*each): spec for each, spec in asked.items()},
            request_timeout=self._timeout_s,
        )
        found: dict[Partition, LogPlace] = {}
        for place, future in futures.items():
            info: ListOffsetsResult = self._result(future, "find offsets by time")
            found[Partition(place.topic, place.partition)] = LogPlace(info.offset, info.timestamp)
        return found

    def _result(self, future: Future[_T], doing: str) -> _T:
        try:
            return future.result(self._timeout_s + _GRACE_S)
        except TimeoutError:
            raise KafkaUnavailable(doing, "no answer in time") from None
        except KafkaException as error:
            self._client.poll(0)  # serves the error callback with the connections' errors
            raise self._errors.explained(translate(error, doing)) from None
