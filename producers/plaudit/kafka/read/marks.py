"""Marks in partitions, kept as offsets of a consumer group without members.

Kafka lets a process change the offsets of a group only while the group has no members. Every
process can read them. So an operator sets a mark, and workers read it. Brokers delete marks like
the offsets of any idle group (`offsets.retention.minutes`, a week by default).
"""

from __future__ import annotations

import threading
from collections.abc import Collection
from typing import TYPE_CHECKING, Final

from confluent_kafka import Consumer, KafkaException, TopicPartition

from plaudit.kafka.clients import open_client
from plaudit.kafka.connection_errors import ConnectionErrors
from plaudit.kafka.errors import translate
from plaudit.kafka.read.consumer import MEMORY_CAPS, Partition
from plaudit.kafka.settings import KafkaSettings

if TYPE_CHECKING:
    from typing import Self

TIMEOUT_S: Final = 5.0


class Marks:
    """Reads and writes the marks of one group; connects on first use.

    Args:
        settings: connection to Kafka.
        group: group that never has a member.
    """

    def __init__(self, settings: KafkaSettings, group: str) -> None:
        self._settings = settings
        self._group = group
        self._lock = threading.Lock()
        self._errors = ConnectionErrors()
        self._client: Consumer | None = None

    def read(self, partitions: Collection[Partition]) -> dict[Partition, int]:
        """Return the mark's offset in each partition that has one.

        Raises:
            KafkaFailure: no response in time, or not allowed.
        """
        asked = [TopicPartition(*each) for each in partitions]
        with self._lock:
            try:
                found = self._opened().committed(asked, timeout=TIMEOUT_S)
            except KafkaException as error:
                failure = translate(error, f"read the offsets of group {self._group}")
                raise self._errors.explained(failure) from None
        return {
            Partition(place.topic, place.partition): place.offset
            for place in found
            if place.error is None and place.offset >= 0
        }

    def write(self, partition: Partition, offset: int) -> None:
        """Set a mark; it replaces an earlier one in the same partition.

        Raises:
            KafkaFailure: no response in time, or not allowed.
        """
        with self._lock:
            try:
                mark = [TopicPartition(*partition, offset)]
                self._opened().commit(offsets=mark, asynchronous=False)
            except KafkaException as error:
                failure = translate(error, f"write the offsets of group {self._group}")
                raise self._errors.explained(failure) from None

    def close(self) -> None:
        """Close the connection, if open."""
        with self._lock:
            if self._client is not None:
                self._client.close()
                self._client = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _opened(self) -> Consumer:
        if self._client is None:
            enforced: dict[str, object] = {"group.id": self._group, "enable.auto.commit": False}
            config = self._settings.client_config(MEMORY_CAPS, **enforced)
            config["error_cb"] = self._errors.note_error
            self._client = open_client(self._settings, Consumer, config)
        return self._client
