"""Publisher for asyncio, whose waiting does not block the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from plaudit.events.catalogue import EventType, type_of
from plaudit.events.models.event import EventModel
from plaudit.kafka.errors import BufferFull
from plaudit.kafka.settings import KafkaSettings
from plaudit.kafka.write.acks import Ack
from plaudit.publish.batch import Batch
from plaudit.publish.prepare import (
    DEFAULT_SOURCE,
    SchemaId,
)
from plaudit.publish.publisher import DELIVERY_TIMEOUT_S, Publisher

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self


class AsyncPublisher:
    """A publisher for asyncio: like `Publisher`, but waiting does not block the event loop.

    Use it in `async with`. It takes the arguments of `Publisher`, or an existing publisher, and
    raises the same errors.
    """

    def __init__(
        self,
        settings: KafkaSettings | None = None,
        *,
        source: str = DEFAULT_SOURCE,
        delivery_timeout_s: float = DELIVERY_TIMEOUT_S,
        schema_id: SchemaId | None = None,
        transactional_id: str | None = None,
        publisher: Publisher | None = None,
    ) -> None:
        self._publisher = publisher or Publisher(
            settings,
            source=source,
            delivery_timeout_s=delivery_timeout_s,
            schema_id=schema_id,
            transactional_id=transactional_id,
        )
        self._met: set[EventType] = set()

    async def publish(self, event: EventModel, *, traceparent: str | None = None) -> Ack:
        """Send an event and wait until the brokers have it; return the record's position.

        Concurrent calls are fast (`asyncio.gather`); sequential calls cost a round trip each.

        Raises:
            PublishRefused: the event is too large, or `traceparent` is not valid.
            KafkaFailure: the record was not acknowledged.
        """
        await self._meet(type_of(event))
        try:
            future = self._publisher.publish_now(event, traceparent=traceparent)
        except BufferFull:
            # Rare, so the cost of a thread does not matter.
            future = await asyncio.to_thread(
                self._publisher.publish, event, traceparent=traceparent
            )
        return await asyncio.wrap_future(future)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncBatch]:
        """Publish several events together or not at all; see `Publisher.transaction`.

        Raises:
            KafkaFailure: see `Publisher.transaction`.
            OptionRefused: this publisher was created without a `transactional_id`.
        """
        block = self._publisher.transaction()
        batch = block.__enter__()
        try:
            yield AsyncBatch(batch, self._meet)
        except BaseException as error:
            block.__exit__(type(error), error, error.__traceback__)
            raise
        await asyncio.to_thread(block.__exit__, None, None, None)

    async def flush(self, timeout_s: float | None = None) -> int:
        """Wait until the brokers have everything; return the number of missing records."""
        return await asyncio.to_thread(self._publisher.flush, timeout_s)

    async def close(self, timeout_s: float | None = None) -> int:
        """Flush and close; return the number of records that the brokers do not have."""
        return await asyncio.to_thread(self._publisher.close, timeout_s)

    async def _meet(self, event_type: EventType) -> None:
        """Load the data for publishing a type, once: a registry may take a moment."""
        if event_type not in self._met:
            await asyncio.to_thread(self._publisher.preload, event_type)
            self._met.add(event_type)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await asyncio.to_thread(self._publisher.__exit__, exc_type, exc, traceback)


class AsyncBatch:
    """Collects events as `Batch` does.

    Args:
        batch: receives the events.
        preload: loads the data for publishing a type.
    """

    def __init__(self, batch: Batch, preload: Callable[[EventType], Awaitable[None]]) -> None:
        self._batch = batch
        self._meet = preload

    async def publish(self, event: EventModel, *, traceparent: str | None = None) -> None:
        """Add an event.

        Raises:
            PublishRefused: see `Batch.publish`.
        """
        await self._meet(type_of(event))
        self._batch.publish(event, traceparent=traceparent)
