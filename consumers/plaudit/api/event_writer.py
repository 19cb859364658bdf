"""Sending the records of a request, and waiting for their acknowledgements together."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

from plaudit.kafka.errors import KafkaFailure
from plaudit.kafka.write.producer import Ack, Producer, SendFailure
from plaudit.publish.prepare import Prepared

SERVE_EVERY_S: Final = 0.005
AT_ONCE: Final = 100
"""Records that are sent before other requests have their turn."""


class EventWriter:
    """Sends events' records; belongs to one event loop.

    The loop asks for the brokers' reports itself. A thread that did so would take the interpreter's
    lock from it and give it back at each one.

    Args:
        producer: without a thread of its own.

    Attributes:
        producer: that one.
    """

    def __init__(self, producer: Producer) -> None:
        self.producer = producer
        self._serving: asyncio.Task[None] | None = None

    async def publish(self, records: Sequence[Prepared]) -> None:
        """Send records, at least one; wait until the brokers have all of them.

        Raises:
            BufferFull: there is no room now; those before it are sent.
            KafkaFailure: one was not acknowledged in time.
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
        """Take reports for as long as any are due, whether or not somebody still waits."""
        try:
            while self.producer.unacknowledged():
                self.producer.serve()
                await asyncio.sleep(SERVE_EVERY_S)
        finally:
            self._serving = None


class Acks:
    """Counts acknowledgements, and wakes who waits once.

    Args:
        count: how many are to come, at least one.

    Attributes:
        done: ends when all have come, or raises the `KafkaFailure` of one.
    """

    def __init__(self, count: int) -> None:
        self._loop = asyncio.get_running_loop()
        self._left = count
        self._failure: KafkaFailure | None = None
        self.done: asyncio.Future[None] = self._loop.create_future()

    def report(self, outcome: Ack | SendFailure) -> None:
        """Take what became of a record."""
        if isinstance(outcome, SendFailure):
            self._failure = outcome.error
        self._left -= 1
        if not self._left and not self._loop.is_closed():
            self._loop.call_soon(self._tell)

    def _tell(self) -> None:
        if self.done.done():
            # The request was cancelled meanwhile: its client went away.
            return
        if self._failure is None:
            self.done.set_result(None)
        else:
            self.done.set_exception(self._failure)
