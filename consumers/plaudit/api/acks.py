"""Acknowledgements of one request's records, awaited together."""

from __future__ import annotations

import asyncio

from plaudit.kafka.errors import KafkaFailure
from plaudit.kafka.producer import Ack, SendFailure


class Acks:
    """Counts acknowledgements in the producer's thread, and wakes the event loop once.

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
        """Take what became of a record; called in the producer's thread."""
        if isinstance(outcome, SendFailure):
            self._failure = outcome.error
        self._left -= 1
        if not self._left and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._tell)

    def _tell(self) -> None:
        if self.done.done():
            # The request was cancelled meanwhile: its client went away.
            return
        if self._failure is None:
            self.done.set_result(None)
        else:
            self.done.set_exception(self._failure)
