"""Reader of single records by offset; joins no group and commits nothing."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from confluent_kafka import Consumer, Message, TopicPartition

from plaudit.kafka.clients import open_client
from plaudit.kafka.connection_errors import ConnectionErrors
from plaudit.kafka.errors import KafkaUnavailable, translate
from plaudit.kafka.read.consumer import MEMORY_CAPS
from plaudit.kafka.read.headers import readable_headers
from plaudit.kafka.read.watermarks import log_bounds
from plaudit.kafka.settings import KafkaSettings

if TYPE_CHECKING:
    from typing import Self

TIMEOUT_S: Final = 10.0
_POLL_S: Final = 0.5


@dataclass(frozen=True, slots=True)
class StoredRecord:
    """A record in the log."""

    value: bytes
    key: bytes | None
    headers: list[tuple[str, bytes]]
    timestamp_ms: int


class RecordReader:
    """Reads single records; safe to use from several threads, which take turns.

    Args:
        settings: connection to Kafka.

    Raises:
        SettingsError: librdkafka rejects a property.
    """

    def __init__(self, settings: KafkaSettings) -> None:
        enforced: dict[str, object] = {
            "group.id": f"{settings.names.prefix}reader",
            "enable.auto.commit": False,
            "isolation.level": "read_committed",
            "fetch.wait.max.ms": 20,
            "auto.offset.reset": "error",
            "allow.auto.create.topics": False,
        }
        self._lock = threading.Lock()
        self._errors = ConnectionErrors()
        config = settings.client_config(MEMORY_CAPS, **enforced)
        config["error_cb"] = self._errors.note_error
        self._client = open_client(settings, Consumer, config)

    def read(self, topic: str, partition: int, offset: int) -> StoredRecord | None:
        """Return the record at this offset; None when the log no longer has it.

        Raises:
            KafkaFailure: the brokers are unavailable or refuse.
        """
        place = TopicPartition(topic, partition, offset)
        with self._lock:
            low, high = log_bounds(self._client, place, TIMEOUT_S, self._errors)
            if not low <= offset < high:
                return None
            self._client.assign([place])
            try:
                return self._poll(place)
            finally:
                self._client.unassign()

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _poll(self, place: TopicPartition) -> StoredRecord | None:
        doing = f"read {place.topic}[{place.partition}] at {place.offset}"
        deadline = time.monotonic() + TIMEOUT_S
        while time.monotonic() < deadline:
            message = self._client.poll(_POLL_S)
            if message is None:
                continue
            error = message.error()
            if error is None:
                # Another offset: this one was compacted away, or is a transaction marker.
                return _found(message) if message.offset() == place.offset else None
            if error.name() == "_AUTO_OFFSET_RESET":
                return None
            failure = translate(error, doing)
            if not failure.retriable:
                raise failure
        raise KafkaUnavailable(doing, f"nothing in {TIMEOUT_S:g} s")


def _found(message: Message) -> StoredRecord:
    return StoredRecord(
        message.value() or b"",
        message.key(),
        readable_headers(message),
        message.timestamp()[1],
    )
