"""`schemas` topic: Avro writer schemas by fingerprint, for installations without a registry.

A key is the fingerprint (CRC-64-AVRO, little endian as in single-object encoding) as 16 hexadecimal
digits. A value is the schema as JSON.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from plaudit.events.avro.fingerprint import fingerprint
from plaudit.kafka.errors import KafkaUnavailable
from plaudit.kafka.read.compacted import CompactedTopic
from plaudit.kafka.settings import KafkaSettings
from plaudit.kafka.write.producer import Ack, Producer
from plaudit.logs.logger import event_logger

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

_ASK_EVERY_S: Final = 5.0
_REST_S: Final = 5.0
_CURRENT_FOR_S: Final = 30.0
"""Maximum age of the table; long enough for queries that fail while a broker restarts."""

_log = event_logger(__name__)


def register(
    producer: Producer, topic: str, schemas: Iterable[str], timeout_s: float = 30.0
) -> list[Ack]:
    """Write schemas to the `schemas` topic; idempotent.

    Args:
        producer: producer to write with.
        topic: `Names.schemas`.
        schemas: each as JSON, self-contained.
        timeout_s: time limit for all of them together.

    Raises:
        ValueError: one of the texts is not a schema.
        KafkaFailure: the brokers did not acknowledge a schema.
    """
    keyed = [(fingerprint(json.loads(schema)).hex().encode(), schema) for schema in schemas]
    futures = [producer.publish(topic, schema.encode(), key) for key, schema in keyed]
    deadline = time.monotonic() + timeout_s
    try:
        return [future.result(max(0.0, deadline - time.monotonic())) for future in futures]
    except TimeoutError:
        doing = f"register schemas in {topic}"
        raise KafkaUnavailable(doing, f"not acknowledged in {timeout_s:g} s") from None


class SchemasFollower:
    """In-memory table of the `schemas` topic, kept up to date; look-ups never block.

    Args:
        settings: connection to Kafka and name of the topic.

    Raises:
        SettingsError: librdkafka rejects a property.
    """

    def __init__(self, settings: KafkaSettings) -> None:
        self._schemas: dict[bytes, str] = {}
        self._table = CompactedTopic(
            settings,
            settings.names.schemas,
            self._apply,
            ask_every_s=_ASK_EVERY_S,
            rest_s=_REST_S,
        )

    def by_fingerprint(self, fingerprint: bytes) -> str | None:
        """Return the schema with this fingerprint (8 bytes, little endian), or None."""
        found = self._schemas.get(fingerprint)
        if found is None:
            self._table.read_soon()
        return found

    def start(self) -> Self:
        """Start reading."""
        self._table.start()
        return self

    def wait_ready(self, timeout_s: float) -> bool:
        """Wait until the topic has been read to its end once; return False on time-out."""
        return self._table.wait_ready(timeout_s)

    @property
    def is_current(self) -> bool:
        """Whether the topic was recently read to its end."""
        as_of = self._table.current_as_of
        return as_of is not None and time.monotonic() - as_of < _CURRENT_FOR_S

    @property
    def problem(self) -> Exception | None:
        """Error that keeps schemas from being read; None while there is none."""
        return self._table.problem

    def close(self) -> None:
        """Stop following."""
        self._table.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _apply(self, key: bytes, value: bytes | None) -> None:
        try:
            name = bytes.fromhex(key.decode("ascii"))
            if value is None:
                self._schemas.pop(name, None)
                return
            schema = value.decode()
            actual = fingerprint(json.loads(schema))
        except Exception as error:  # noqa: BLE001 - fastavro raises all sorts; none may stop us
            _log.warning("schemas.unreadable", extra={"key": repr(key), "error": str(error)})
            return
        if actual != name:
            # With this schema, events would be decoded wrongly.
            _log.warning("schemas.mismatch", extra={"key": repr(key), "actual": actual.hex()})
            return
        self._schemas[name] = schema
