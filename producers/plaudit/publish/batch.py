"""Events that are published together or not at all."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, Protocol

from plaudit.events.models.event import EventModel
from plaudit.kafka.errors import Fenced, KafkaUnavailable, ProducerFatal
from plaudit.kafka.write.transactions import TransactionalProducer
from plaudit.publish.errors import BatchTooLarge
from plaudit.publish.prepare import Prepared

MOST_EVENTS: Final = 1_000
MOST_BYTES: Final = 8 * 1024 * 1024
"""A transaction hides what is behind it from every reader, so it is to be over in half a second."""

Prepare = Callable[[EventModel, str | None], Prepared]


class Batch:
    """Collects events; nothing is sent before the `with` block that made it is left.

    Args:
        prepare: makes a record of an event, or refuses it.
    """

    def __init__(self, prepare: Prepare) -> None:
        self._prepare = prepare
        self._bytes = 0
        self.records: list[Prepared] = []

    def publish(self, event: EventModel, *, traceparent: str | None = None) -> None:
        """Add an event.

        Args:
            event: `meta.event_id` makes publishing it again harmless.
            traceparent: W3C trace context; by default that of OpenTelemetry's current span.

        Raises:
            PublishRefused: the event or the batch is too large, or `traceparent` is none. Left
                with this error, the block publishes nothing.
        """
        record = self._prepare(event, traceparent)
        size = self._bytes + len(record.value)
        if len(self.records) == MOST_EVENTS or size > MOST_BYTES:
            raise BatchTooLarge(MOST_EVENTS, MOST_BYTES)
        self._bytes = size
        self.records.append(record)


class Writer(Protocol):
    """Writes batches."""

    def write(self, records: Sequence[Prepared]) -> None:
        """Write all of them, or nothing; see `BatchWriter.write`."""
        ...

    def close(self) -> None:
        """Give up what it holds."""
        ...


class BatchWriter:
    """Writes batches under one transactional id; the name is taken at the first one.

    Args:
        open_producer: makes a producer under that id.
    """

    def __init__(self, open_producer: Callable[[], TransactionalProducer]) -> None:
        self._open_producer = open_producer
        self._producer: TransactionalProducer | None = None

    def write(self, records: Sequence[Prepared]) -> None:
        """Write all of them, or nothing.

        Raises:
            TransactionAborted: nothing was written.
            Fenced: another process took the name; this one may not write any more.
            ProducerFatal: not known what was written; nothing, or all of it.
            KafkaUnavailable: the same.
        """
        if not records:
            return
        producer = self._fenced()
        try:
            with producer.transaction() as transaction:
                for record in records:
                    transaction.send(record.topic, record.value, record.key, record.headers)
        except Fenced:
            raise
        except (ProducerFatal, KafkaUnavailable):
            # Whatever it left open is ended when the name is taken again.
            self.close()
            raise

    def close(self) -> None:
        """Give the producer up."""
        if self._producer is not None:
            self._producer.close()
        self._producer = None

    def _fenced(self) -> TransactionalProducer:
        if self._producer is None:
            producer = self._open_producer()
            producer.fence()
            self._producer = producer
        return self._producer
