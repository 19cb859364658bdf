"""Lag of consumer groups, measured without joining them."""

from __future__ import annotations

import time
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final, NamedTuple

from confluent_kafka import Consumer, KafkaException, TopicPartition

from plaudit.kafka.clients import open_client
from plaudit.kafka.connection_errors import ConnectionErrors
from plaudit.kafka.errors import translate
from plaudit.kafka.read.bound_metadata import cluster_id, unbind
from plaudit.kafka.read.consumer import MEMORY_CAPS, Partition
from plaudit.kafka.read.headers import Headers, readable_headers
from plaudit.kafka.read.positions import resume
from plaudit.kafka.read.watermarks import log_bounds
from plaudit.kafka.settings import KafkaSettings

_TIMEOUT_S: Final = 10.0
_READ_S: Final = 3.0
_ASK_AGAIN_S: Final = 0.1
# Transient after a broker starts, until the group's coordinator is known.
_MOVING: Final = frozenset(
    {"NOT_COORDINATOR", "COORDINATOR_LOAD_IN_PROGRESS", "COORDINATOR_NOT_AVAILABLE"}
)


@dataclass(frozen=True, slots=True)
class PartitionLag:
    """A group's position in one partition.

    Attributes:
        topic: the topic.
        partition: its number.
        committed: the next offset to read; the log's start if the group never committed, or if its
            position is out of range.
        end: the offset after the last record.
        metadata: metadata of the commit.
        lost: offsets that retention removed before the group read them.
        past_end: distance of the group's position past the end of the log. The log is then not the
            one that the group read: `committed` is the start of this one.
    """

    topic: str
    partition: int
    committed: int
    end: int
    metadata: str = ""
    lost: int = 0
    past_end: int = 0

    @property
    def behind(self) -> int:
        """Offsets between position and end: an upper bound for records, because of gaps."""
        return max(0, self.end - self.committed)


class GroupPosition(NamedTuple):
    """A group's position in a partition.

    Attributes:
        offset: the next offset to read; None: the group has committed none.
        metadata: metadata of the commit; that of another cluster is still bound (`bound_metadata`).
    """

    offset: int | None
    metadata: str


class First(NamedTuple):
    """The first record that a group has not finished in a partition."""

    offset: int
    timestamp_ms: int
    value: bytes
    headers: Headers


class LagReader:
    """Queries a group's positions.

    Args:
        settings: connection to Kafka.
        group: the group; the reader does not join it.

    Raises:
        SettingsError: librdkafka rejects a property.
    """

    def __init__(self, settings: KafkaSettings, group: str) -> None:
        enforced: dict[str, object] = {
            "group.id": group,
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
        }
        self._errors = ConnectionErrors()
        config = settings.client_config(MEMORY_CAPS, **enforced)
        config["error_cb"] = self._errors.note_error
        self._client = open_client(settings, Consumer, config)

    def read(self, topics: Collection[str]) -> list[PartitionLag]:
        """Return the position in every partition; topics that do not exist are omitted.

        Raises:
            KafkaFailure: no response, or not allowed.
        """
        try:
            metadata = self._client.list_topics(timeout=_TIMEOUT_S)
            seen, cluster = metadata.topics, metadata.cluster_id or ""
            wanted = [
                TopicPartition(topic, number)
                for topic in topics
                if topic in seen
                for number in seen[topic].partitions
            ]
            if not wanted:
                return []
            found = self._client.committed(wanted, _TIMEOUT_S)
            return [self._lag(place, cluster) for place in found]
        except KafkaException as error:
            self._client.poll(0)  # serves the error callback with the connections' errors
            raise self._errors.explained(translate(error, "read the group's lag")) from None

    def positions(self, partitions: Collection[Partition]) -> dict[Partition, GroupPosition]:
        """Return the group's position in each partition, with one request.

        Raises:
            KafkaFailure: no response, or not allowed.
        """
        if not partitions:
            return {}
        asked = [TopicPartition(*each) for each in partitions]
        cluster, found = self._committed(asked)
        return {
            Partition(each.topic, each.partition): GroupPosition(
                each.offset if each.offset >= 0 else None,
                unbind(cluster, each.offset, each.metadata or ""),
            )
            for each in found
        }

    def _committed(self, asked: list[TopicPartition]) -> tuple[str, list[TopicPartition]]:
        """Return cluster and positions; ask again while the group's coordinator changes."""
        deadline = time.monotonic() + _TIMEOUT_S
        while True:
            try:
                found = self._client.committed(asked, _TIMEOUT_S)
                return cluster_id(self._client, asked[0].topic, _TIMEOUT_S), found
            except KafkaException as error:
                self._client.poll(0)  # serves the error callback with the connections' errors
                failure = translate(error, "read the group's position")
                if failure.code not in _MOVING or time.monotonic() > deadline:
                    raise self._errors.explained(failure) from None
            time.sleep(_ASK_AGAIN_S)

    def first(self, lag: PartitionLag) -> First | None:
        """Return the first waiting record; None if it could not be read in time.

        Raises:
            KafkaFailure: not allowed.
        """
        try:
            self._client.assign([TopicPartition(lag.topic, lag.partition, lag.committed)])
            message = self._client.poll(_READ_S)
            self._client.unassign()
        except KafkaException as error:
            raise translate(error, f"read topic {lag.topic}") from None
        if message is None or message.error() is not None:
            return None
        offset, value = message.offset() or 0, message.value() or b""
        return First(offset, message.timestamp()[1], value, readable_headers(message))

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

    def _lag(self, place: TopicPartition, cluster: str) -> PartitionLag:
        low, high = log_bounds(self._client, place, _TIMEOUT_S, self._errors)
        # Without a committed position, the offset is negative.
        found = resume(max(low, place.offset) if place.offset < 0 else place.offset, low, high)
        past_end = max(0, place.offset - high)
        return PartitionLag(
            place.topic,
            place.partition,
            found.offset,
            high,
            unbind(cluster, place.offset, place.metadata or ""),
            found.lost,
            past_end,
        )
