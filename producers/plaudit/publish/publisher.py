"""Publisher for upstream services: typed events in, acknowledged records out."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Final, Protocol

from plaudit.events.catalogue import EventType, type_of
from plaudit.events.models.event import EventModel
from plaudit.kafka.errors import BufferFull, KafkaUnavailable, ProducerClosed
from plaudit.kafka.settings import KafkaSettings
from plaudit.kafka.write.acks import Ack, Headers, PublishCounts
from plaudit.kafka.write.producer import Producer, ProducerConfig
from plaudit.kafka.write.transactions import TransactionalProducer
from plaudit.publish.batch import Batch, BatchWriter, Writer, write_spanned
from plaudit.publish.errors import OptionRefused, PublishRefused
from plaudit.publish.prepare import (
    DEFAULT_SOURCE,
    Prepared,
    RecordTemplate,
    SchemaId,
    checked_source,
    checked_transactional_id,
    form_of,
)
from plaudit.publish.schema_ids import RegistryIds
from plaudit.publish.trace import publish_span, trace_of

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self


DELIVERY_TIMEOUT_S: Final = 30.0
_PROGRESS_S: Final = 0.1
# librdkafka checks for expired records once a second: waiting a little longer than the timeout
# yields each record's own error.
_SETTLE_S: Final = 2.0


class RecordProducer(Protocol):
    """Part of `plaudit.kafka.write.producer.Producer` that a publisher uses."""

    tally: PublishCounts
    """See `plaudit.kafka.write.producer.Producer`."""

    def publish(
        self,
        topic: str,
        value: bytes | None,
        key: bytes | None = None,
        headers: Headers | None = None,
    ) -> Future[Ack]:
        """See `plaudit.kafka.write.producer.Producer`."""
        ...

    def wait_for_progress(self, timeout_s: float) -> bool:
        """See `plaudit.kafka.write.producer.Producer`."""
        ...

    def flush(self, timeout_s: float) -> int:
        """See `plaudit.kafka.write.producer.Producer`."""
        ...

    def close(self, timeout_s: float) -> int:
        """See `plaudit.kafka.write.producer.Producer`."""
        ...


class Publisher:
    """Publishes events; safe to use from any thread. Create a new one after a fork.

    As a context manager, it raises on exit when records are unacknowledged.

    Args:
        settings: connection to Kafka; read from the environment by default.
        source: URI reference of this service (`ce_source`).
        delivery_timeout_s: seconds until a record's future fails.
        schema_id: look-up of an event type's schema id, with a registry.
        transactional_id: name of this publisher's transactions. It must stay the same over
            restarts.
            No two processes may share one: the later process fences the earlier.

    Raises:
        SettingsError: a setting is missing or invalid.
        OptionRefused: `source` is not a URI reference, or `transactional_id` is not a valid name.
    """

    def __init__(
        self,
        settings: KafkaSettings | None = None,
        *,
        source: str = DEFAULT_SOURCE,
        delivery_timeout_s: float = DELIVERY_TIMEOUT_S,
        schema_id: SchemaId | None = None,
        transactional_id: str | None = None,
    ) -> None:
        chosen = settings or KafkaSettings()
        self._settings = chosen
        self._names = chosen.names
        self._source = checked_source(source)
        self._timeout_s = delivery_timeout_s
        self._forms: dict[type[EventModel], RecordTemplate] = {}
        self._sent = 0
        self._told = 0
        self._counting = threading.Lock()
        self._registry = RegistryIds(chosen)
        self._schema_id: SchemaId = schema_id or self._registry
        self._batches = self._batch_writer(transactional_id)
        self._one_batch = threading.Lock()
        self._producer = self._open_producer(
            ProducerConfig(delivery_timeout_ms=int(delivery_timeout_s * 1_000))
        )

    def publish(self, event: EventModel, *, traceparent: str | None = None) -> Future[Ack]:
        """Send an event; return before the brokers have it.

        When the local buffer is full, this waits for space, so events are accepted no faster than
        the
        brokers acknowledge them.

        Args:
            event: the event; `meta.event_id` makes publishing it again idempotent.
            traceparent: W3C trace context, which the webhook request carries on; the default is
                that of OpenTelemetry's current span, with its `tracestate`.

        Returns:
            A future: `result(timeout)` returns the record's position once all in-sync replicas have
            it, or raises a KafkaFailure.

        Raises:
            PublishRefused: the event is too large, or `traceparent` is not valid.
            KafkaUnavailable: the buffer stayed full for the delivery timeout.
            KafkaFailure: the publisher is closed, forked, or failed permanently.
        """
        record = self._prepared(event, traceparent)
        try:
            return self._send(record)
        except BufferFull:
            return self._send_with_room(record)

    def publish_now(self, event: EventModel, *, traceparent: str | None = None) -> Future[Ack]:
        """Send an event as `publish` does, but never wait for buffer space.

        Raises:
            BufferFull: the buffer is full; nothing was sent.
            PublishRefused: the event is too large, or `traceparent` is not valid.
            KafkaFailure: the publisher is closed, forked, or failed permanently.
        """
        return self._send(self._prepared(event, traceparent))

    @contextmanager
    def transaction(self) -> Iterator[Batch]:
        """Publish several events together or not at all.

        Events are sent when the block ends; an exception in it publishes nothing. When the block
        ends
        without an exception, the brokers have all of them. Batches from several threads are written
        one after the other.

        Raises:
            OptionRefused: this publisher was created without a `transactional_id`.
            TransactionAborted: nothing was published; retry.
            Fenced: another process publishes under this `transactional_id`.
            KafkaFailure: unknown whether all or none were published. Publishing them again is
                harmless, as long as the events keep their ids.
        """
        if self._batches is None:
            option = "transactional_id"
            reason = "not given; a publisher needs one, always the same, for transactions"
            raise OptionRefused(option, reason)
        batch = Batch(self._prepared)
        yield batch
        with self._one_batch:
            write_spanned(self._batches.write, batch.records)

    def preload(self, event_type: EventType) -> None:
        """Load the data for publishing this type: with a registry, its schema's id."""
        self._schema_id(event_type)

    def flush(self, timeout_s: float | None = None) -> int:
        """Wait until the brokers have everything, by default until each record's timeout.

        Returns:
            The number of records that they do not have: those in flight, and those that failed
            since the last flush. 0 means that everything is acknowledged.
        """
        self._producer.flush(self._patience(timeout_s))
        with self._counting:
            tally, told = self._producer.tally, self._told
            # In this order: a record that fails in between counts as in flight now, and as failed
            # next time.
            self._told = tally.failed
            return self._sent - tally.acknowledged - told

    def close(self, timeout_s: float | None = None) -> int:
        """Flush and close; unacknowledged records fail.

        Returns:
            The number of records that the brokers do not have, as in `flush`.
        """
        self._producer.close(self._patience(timeout_s))
        if self._batches is not None:
            self._batches.close()
        self._registry.close()
        return self.flush(0)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        missing = self.close()
        if missing and exc is None:
            doing = "close the publisher"
            raise ProducerClosed(doing, f"{missing} events are not acknowledged")

    def _open_producer(self, config: ProducerConfig) -> RecordProducer:
        return Producer(self._settings, config)

    def _open_transactional(self, name: str) -> TransactionalProducer:
        return TransactionalProducer(
            self._settings,
            self._names.publisher_transactional_id(name),
            patience_s=self._timeout_s,
        )

    def _batch_writer(self, name: str | None) -> Writer | None:
        if name is None:
            return None
        return BatchWriter(partial(self._open_transactional, checked_transactional_id(name)))

    def _patience(self, timeout_s: float | None) -> float:
        return self._timeout_s + _SETTLE_S if timeout_s is None else timeout_s

    def _prepared(self, event: EventModel, traceparent: str | None = None) -> Prepared:
        form = self._forms.get(type(event)) or self._form(event)
        if traceparent is not None:
            return form.record(event, trace_of(traceparent))
        span = publish_span(form.topic, str(event.meta.event_id))
        if span is None:
            return form.record(event, None)
        try:
            return form.record(event, span.context)._replace(span=span)
        except PublishRefused as refused:
            span.end(refused)
            raise

    def _form(self, event: EventModel) -> RecordTemplate:
        event_type = type_of(event)
        form = form_of(event_type, self._names, self._source, self._schema_id(event_type))
        self._forms[type(event)] = form
        return form

    def _send(self, record: Prepared) -> Future[Ack]:
        future = self._producer.publish(record.topic, record.value, record.key, record.headers)
        if record.span is not None:
            record.span.end_with(future)
        with self._counting:
            self._sent += 1
        return future

    def _send_with_room(self, record: Prepared) -> Future[Ack]:
        """Wait for buffer space, up to the timeout of a record."""
        deadline = time.monotonic() + self._timeout_s
        while True:
            try:
                return self._send(record)
            except BufferFull as full:
                left_s = deadline - time.monotonic()
                if left_s <= 0:
                    raise KafkaUnavailable(full.doing, "the local buffer stayed full") from None
                self._producer.wait_for_progress(min(left_s, _PROGRESS_S))
