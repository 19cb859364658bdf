"""Exchange: one request, its progress, and its deadlines."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Protocol

from plaudit.transport.addresses import Target
from plaudit.transport.answer import Answer
from plaudit.transport.engine.deadlines import Deadlines, Timers
from plaudit.transport.errors import (
    FirstByteTimeout,
    TotalTimeout,
    TransportError,
    WriteTimeout,
)
from plaudit.transport.progress import OnDone, Progress
from plaudit.transport.sender import Timeouts


class ExchangeOwner(Protocol):
    """Holder of an exchange: the pool while it waits, then the connection."""

    def abandon(self, exchange: Exchange) -> None:
        """Release an exchange that ends, and the place that it occupies."""
        ...


class Exchange(Progress):
    """One request, until its answer or error.

    Args:
        target: destination of the request.
        request: prefix, lines and body, as passed to `Sender.start`.
        on_done: receives the answer or the error.
        deadlines: its time-outs.
        owner: name of the request's owner.

    Attributes:
        holder: pool or connection that holds it; None once it has ended.
    """

    __slots__ = ("_deadlines", "_on_done", "holder", "request", "target")

    def __init__(
        self,
        target: Target,
        request: tuple[bytes, bytes, bytes],
        on_done: OnDone,
        deadlines: ExchangeDeadlines,
        owner: str,
    ) -> None:
        super().__init__(owner)
        self.target = target
        self.request = request
        self.holder: ExchangeOwner | None = None
        self._on_done = on_done
        self._deadlines = deadlines
        deadlines.total.add(self, self.began_s)

    @property
    def over(self) -> bool:
        """Whether the exchange has ended."""
        return self.holder is None

    def data(self) -> bytes:
        """Return the bytes of the request."""
        prefix, lines, body = self.request
        return b"%b%bcontent-length: %d\r\n\r\n%b" % (prefix, lines, len(body), body)

    def written(self, size: int) -> None:
        """Note that `size` bytes were written; wait for the answer."""
        self.phase = "first_byte"
        self.sent = True
        self.bytes_sent = size
        self.wrote_s = now_s = time.monotonic()
        self._deadlines.first_byte.add(self, now_s)

    def stalled(self) -> None:
        """Note that the server has stopped reading the request."""
        if not self.answered:
            self.phase = "write"
            self._deadlines.first_byte.discard(self)
            self._deadlines.write.add(self, time.monotonic())

    def resumed(self) -> None:
        """Note that the server has read most of the request."""
        if not self.answered:
            self.phase = "first_byte"
            self._deadlines.write.discard(self)
            self._deadlines.first_byte.add(self, time.monotonic())

    def received(self) -> None:
        """Note the first bytes of the answer; from now on only the total time-out applies."""
        stalled = self.phase == "write"
        super().received()
        self._deadlines.first_byte.discard(self)
        if stalled:
            self._deadlines.write.discard(self)

    def retry(self) -> None:
        """Start again; `sent` stays true, because a part of the request may have arrived."""
        self.bytes_sent = 0
        self._deadlines.forget_sending(self)

    def cancel(self, error: TransportError) -> None:
        """See `ExchangeHandle.cancel`."""
        if self.holder is not None:
            self.holder.abandon(self)
            self.end(error)

    def end(self, result: Answer | TransportError) -> None:
        """Invoke the callback. The owner must have released the exchange."""
        self.holder = None
        self._deadlines.total.discard(self)
        if not self.answered:
            self._deadlines.forget_sending(self)
        # The callback refers to the exchange's owner: without this, only the garbage collector
        # frees both.
        on_done, self._on_done = self._on_done, _ignore
        self.finish(on_done, result)


def _ignore(_: Answer | TransportError) -> None:
    """Replace the callback of an exchange that has ended."""


@dataclass(frozen=True, slots=True)
class ExchangeDeadlines:
    """Deadlines that all exchanges share; `Dialer` has those of connecting."""

    total: Deadlines[Exchange]
    write: Deadlines[Exchange]
    first_byte: Deadlines[Exchange]

    @classmethod
    def of(cls, timers: Timers, timeouts: Timeouts) -> ExchangeDeadlines:
        """Return the deadlines, each with the error that ends a late exchange."""
        return cls(
            Deadlines(
                timers,
                timeouts.total_s,
                lambda late: late.cancel(TotalTimeout(phase=late.phase, sent=late.sent)),
            ),
            Deadlines(timers, timeouts.write_s, lambda late: late.cancel(WriteTimeout())),
            Deadlines(timers, timeouts.first_byte_s, lambda late: late.cancel(FirstByteTimeout())),
        )

    def forget_sending(self, exchange: Exchange) -> None:
        """Discard all deadlines of an exchange but the total."""
        self.first_byte.discard(exchange)
        self.write.discard(exchange)
