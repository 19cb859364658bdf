"""Acknowledgements of a producer without a thread: taken often while writes are under way."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Final

from plaudit.deliver.settle.tickets import OpenTickets
from plaudit.kafka.write.producer import Producer

SERVE_EVERY_S: Final = 0.01
"""Interval for taking acknowledgements while some are due; only commits wait for them."""
IDLE_EVERY_S: Final = 5.0
"""The same while none is due, for the client's errors; a write ends the wait."""


class Serving:
    """Takes a producer's acknowledgements, in the event loop.

    Args:
        producer: has no thread of its own.
        tickets: those that wait for acknowledgements.
    """

    def __init__(self, producer: Producer, tickets: OpenTickets) -> None:
        self._producer = producer
        self._tickets = tickets
        self._written = asyncio.Event()

    def expect(self) -> None:
        """Note that something was written."""
        self._written.set()

    @property
    def idle(self) -> bool:
        """Whether no acknowledgement is due."""
        # Others write without a ticket: the question for the time, before a worker starts.
        return self._tickets.idle and not self._producer.unacknowledged()

    async def written(self) -> None:
        """Wait for the next write; return at once if there was one since the last idle moment."""
        await self._written.wait()

    async def run(self) -> None:
        """Take acknowledgements, until cancelled."""
        while True:
            if self.idle:
                self._written.clear()
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._written.wait(), IDLE_EVERY_S)
            await asyncio.sleep(SERVE_EVERY_S)
            self._producer.serve()
