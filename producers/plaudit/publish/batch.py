"""Batches of events, published together or not at all."""

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
"""Maximum records of a batch. A transaction hides later records from readers, so it should end
in half a second.
"""

Prepare = Callable[[EventModel, str | None], Prepared]


class Batch:
    """Collects events, and sends them when the `with` block that created it ends.

    Args:
        prepare: converts an event into a record, or rejects it.
    """

    def __init__(self, prepare: Prepare) -> None:
        self._prepare = prepare
        self._bytes = 0
        self.records: list[Prepared] = []

    def publish(self, event: EventModel, *, traceparent: str | None = None) -> None:
        """Add an event.

        Args:
            event: the event; `meta.event_id` makes publishing it again idempotent.
            traceparent: W3C trace context; the default is OpenTelemetry's current span.

        Raises:
            PublishRefused: the event or the batch is too large, or `traceparent` is not valid. If
                this
                error leaves the block, the block publishes nothing.
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
        """Write all records, or none; see `BatchWriter.write`."""
        ...

    def close(self) -> None:
        """Release the transactional id."""
        ...


def write_spanned(write: Callable[[Sequence[Prepared]], None], records: Sequence[Prepared]) -> None:
    """Write records together, and end their spans with the result."""
    failed: BaseException | None = None
    try:
        write(records)
    except BaseException as error:
        failed = error
        raise
    finally:
        for each in records:
            if each.span is not None:
                each.span.end(failed)


class BatchWriter:
    """Writes batches under one transactional id, which the first batch takes.

    Args:
        open_producer: creates a producer with that id.
    """

    def __init__(self, open_producer: Callable[[], TransactionalProducer]) -> None:
        self._open_producer = open_producer
        self._producer: TransactionalProducer | None = None

    def write(self, records: Sequence[Prepared]) -> None:
        """Write all records, or none.

        Raises:
            TransactionAborted: nothing was written.
            Fenced: another process took the transactional id; this one can't write any more.
            ProducerFatal: unknown whether everything or nothing was written.
            KafkaUnavailable: unknown whether everything or nothing was written.
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
            # Taking the id again aborts an open transaction.
            self.close()
            raise

    def close(self) -> None:
        """Close the producer."""
        if self._producer is not None:
            self._producer.close()
        self._producer = None

    def _fenced(self) -> TransactionalProducer:
        if self._producer is None:
            producer = self._open_producer()
            producer.fence()
            self._producer = producer
        return self._producer
