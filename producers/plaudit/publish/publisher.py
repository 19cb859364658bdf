"""The publisher of upstream services: typed events in, acknowledged records out."""

from __future__ import annotations

import asyncio
import threading
import time
from concurrent.futures import Future
from typing import TYPE_CHECKING, Final

from plaudit.events.catalogue import EventType, type_of
from plaudit.events.models.event import EventModel
from plaudit.kafka.errors import BufferFull, KafkaUnavailable, ProducerClosed, SettingsError
from plaudit.kafka.producer import Ack, Producer, ProducerConfig
from plaudit.kafka.settings import REGISTRY_URL, KafkaSettings
from plaudit.publish.prepare import DEFAULT_SOURCE, Prepared, SchemaId, checked_source, prepare
from plaudit.publish.trace import current_traceparent

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

DELIVERY_TIMEOUT_S: Final = 30.0
_PROGRESS_S: Final = 0.1
# librdkafka looks for records past their timeout once a second; who waits a little longer than the
# timeout hears from each record itself why it failed.
_SETTLE_S: Final = 2.0


class Publisher:
    """Publishes events; safe to use from any thread, to be made again after a fork.

    As a context manager it raises when it is left with records unacknowledged.

    Args:
        settings: where Kafka is; by default from the environment.
        source: which service this is, as a URI reference (`ce_source`).
        delivery_timeout_s: how long a record is tried before its future fails.
        schema_id: with a registry, finds the id of an event type's schema.

    Raises:
        SettingsError: a setting is missing or can't be used.
        OptionRefused: `source` is no URI reference.
    """

    def __init__(
        self,
        settings: KafkaSettings | None = None,
        *,
        source: str = DEFAULT_SOURCE,
        delivery_timeout_s: float = DELIVERY_TIMEOUT_S,
        schema_id: SchemaId | None = None,
    ) -> None:
        chosen = settings or KafkaSettings()
        self._names = chosen.names
        self._source = checked_source(source)
        self._timeout_s = delivery_timeout_s
        self._unanswered = 0
        self._failed = 0
        self._counting = threading.Lock()
        self._schema_id: SchemaId = schema_id or registry_ids(chosen)
        self._producer = Producer(
            chosen, ProducerConfig(delivery_timeout_ms=int(delivery_timeout_s * 1_000))
        )

    def publish(self, event: EventModel, *, traceparent: str | None = None) -> Future[Ack]:
        """Send an event; returns before the brokers have it.

        When the local buffer is full, this waits for room: events come in no faster than the
        brokers take them.

        Args:
            event: `meta.event_id` makes publishing it again harmless.
            traceparent: W3C trace context, to be seen on the subscriber's side; by default that of
                OpenTelemetry's current span.

        Returns:
            A future: `result(timeout)` returns where the record stands once all in-sync replicas
            have it, or raises the KafkaFailure that it ended with.

        Raises:
            PublishRefused: the event is too large, or `traceparent` is none.
            KafkaUnavailable: no room within the delivery timeout.
            KafkaFailure: closed, forked, or failed for good.
        """
        record = self._prepared(event, traceparent)
        deadline = time.monotonic() + self._timeout_s
        while True:
            try:
                return self._send(record)
            except BufferFull as full:
                left_s = deadline - time.monotonic()
                if left_s <= 0:
                    raise KafkaUnavailable(full.doing, "the local buffer stayed full") from None
                self._producer.wait_for_progress(min(left_s, _PROGRESS_S))

    def publish_now(self, event: EventModel, *, traceparent: str | None = None) -> Future[Ack]:
        """Send an event as `publish` does, but never wait for room.

        Raises:
            BufferFull: no room now; nothing was sent.
            PublishRefused: the event is too large, or `traceparent` is none.
            KafkaFailure: closed, forked, or failed for good.
        """
        return self._send(self._prepared(event, traceparent))

    def meet(self, event_type: EventType) -> None:
        """Ask for what publishing this type needs to know: with a registry, its schema's id."""
        self._schema_id(event_type)

    def flush(self, timeout_s: float | None = None) -> int:
        """Wait until the brokers have everything, by default until each record had its time.

        Returns:
            How many records they do not have: those still on their way, and those that failed since
            the last flush. 0 means that everything is safe.
        """
        self._producer.flush(self._patience(timeout_s))
        with self._counting:
            failed, self._failed = self._failed, 0
            return self._unanswered + failed

    def close(self, timeout_s: float | None = None) -> int:
        """Flush and end; what is not acknowledged by then fails.

        Returns:
            How many records the brokers do not have, as `flush` does.
        """
        self._producer.close(self._patience(timeout_s))
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

    def _patience(self, timeout_s: float | None) -> float:
        return self._timeout_s + _SETTLE_S if timeout_s is None else timeout_s

    def _prepared(self, event: EventModel, traceparent: str | None) -> Prepared:
        schema_id = self._schema_id(type_of(event))
        trace = current_traceparent() if traceparent is None else traceparent
        return prepare(event, self._names, self._source, trace, schema_id)

    def _send(self, record: Prepared) -> Future[Ack]:
        future = self._producer.publish(record.topic, record.value, record.key, record.headers)
        with self._counting:
            self._unanswered += 1
        future.add_done_callback(self._note)
        return future

    def _note(self, future: Future[Ack]) -> None:
        """Count; called in the producer's thread, or in the caller's when that was quick."""
        failed = future.exception() is not None
        with self._counting:
            self._unanswered -= 1
            self._failed += failed


class AsyncPublisher:
    """A publisher for asyncio: the same, but that waiting does not block the event loop.

    Use it in `async with`. Its arguments and errors are those of `Publisher`.
    """

    def __init__(
        self,
        settings: KafkaSettings | None = None,
        *,
        source: str = DEFAULT_SOURCE,
        delivery_timeout_s: float = DELIVERY_TIMEOUT_S,
        schema_id: SchemaId | None = None,
    ) -> None:
        self._publisher = Publisher(
            settings, source=source, delivery_timeout_s=delivery_timeout_s, schema_id=schema_id
        )
        self._met: set[EventType] = set()

    async def publish(self, event: EventModel, *, traceparent: str | None = None) -> Ack:
        """Send an event and wait until the brokers have it; return where it stands.

        Many at once are quick (`asyncio.gather`); one after the other costs a round trip each.

        Raises:
            PublishRefused: the event is too large, or `traceparent` is none.
            KafkaFailure: it was not acknowledged; says why.
        """
        event_type = type_of(event)
        if event_type not in self._met:
            # A registry is asked for the schema's id once, which takes a moment.
            await asyncio.to_thread(self._publisher.meet, event_type)
            self._met.add(event_type)
        try:
            future = self._publisher.publish_now(event, traceparent=traceparent)
        except BufferFull:
            # Rare, and then a thread is no cost that counts.
            future = await asyncio.to_thread(
                self._publisher.publish, event, traceparent=traceparent
            )
        return await asyncio.wrap_future(future)

    async def flush(self, timeout_s: float | None = None) -> int:
        """Wait until the brokers have everything; return how many records they do not have."""
        return await asyncio.to_thread(self._publisher.flush, timeout_s)

    async def close(self, timeout_s: float | None = None) -> int:
        """Flush and end; return how many records the brokers do not have."""
        return await asyncio.to_thread(self._publisher.close, timeout_s)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await asyncio.to_thread(self._publisher.__exit__, exc_type, exc, traceback)


def registry_ids(settings: KafkaSettings) -> SchemaId:
    """Return what finds schema ids: a registry, if one is set; without one there are none."""
    url = settings.schema_registry_url
    if url is None:
        return lambda _: None
    try:
        # Only installations with a registry need an HTTP client.
        from plaudit.events.registry import RegistryClient  # noqa: PLC0415 - an extra
    except ModuleNotFoundError as error:
        reason = f'{error.name} is missing; pip install "plaudit[registry]"'
        raise SettingsError(REGISTRY_URL, reason) from None

    client = RegistryClient(url)
    return lambda event_type: client.id_of(event_type.record, event_type.schema_json)
