"""Writer of a request's events, which waits for all acknowledgements together."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

from plaudit.kafka.errors import KafkaFailure
from plaudit.kafka.write.producer import Ack, Producer, SendFailure
from plaudit.publish.prepare import Prepared

SERVE_EVERY_S: Final = 0.005
AT_ONCE: Final = 100
"""Records to send before other requests may run."""


class EventWriter:
    """Sends events; belongs to one event loop.

    The event loop polls for reports itself. A polling thread would take and release the interpreter
    lock for each report.

    Args:
        producer: producer without a thread.

    Attributes:
        producer: the same producer.
    """

    def __init__(self, producer: Producer) -> None:
        self.producer = producer
        self._serving: asyncio.Task[None] | None = None

    async def publish(self, records: Sequence[Prepared]) -> None:
        """Send one or more records, and wait until the brokers have acknowledged all of them.

        Raises:
            BufferFull: the buffer is full; earlier records were sent.
            KafkaFailure: a record was not acknowledged in time.
        """
        acks = Acks(len(records))
        if self._serving is None:
            self._serving = asyncio.create_task(self._serve())
        for number, each in enumerate(records, 1):
            self.producer.send(each.topic, each.value, each.key, each.headers, on_ack=acks.report)
            if number % AT_ONCE == 0:
                await asyncio.sleep(0)
        await acks.done

    async def _serve(self) -> None:
        """Process reports until none are outstanding, even if the callers have disconnected."""
        try:
            while self.producer.unacknowledged():
                self.producer.serve()
                await asyncio.sleep(SERVE_EVERY_S)
        finally:
            self._serving = None


class Acks:
    """Counts acknowledgements, and wakes the waiting request once.

    Args:
        count: number of expected acknowledgements, at least one.

    Attributes:
        done: completes when all have arrived, or raises the first `KafkaFailure`.
    """

    def __init__(self, count: int) -> None:
        self._loop = asyncio.get_running_loop()
        self._left = count
        self._failure: KafkaFailure | None = None
        self.done: asyncio.Future[None] = self._loop.create_future()

    def report(self, outcome: Ack | SendFailure) -> None:
        """Process the result of a record."""
        if isinstance(outcome, SendFailure):
            self._failure = outcome.error
        self._left -= 1
        if not self._left and not self._loop.is_closed():
            self._loop.call_soon(self._tell)

    def _tell(self) -> None:
        if self.done.done():
            # The request was cancelled: its client disconnected.
            return
        if self._failure is None:
            self.done.set_result(None)
        else:
            self.done.set_exception(self._failure)
