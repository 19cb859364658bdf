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
    """Has an exchange in hand: a pool while it waits, then a connection."""

    def abandon(self, exchange: Exchange) -> None:
        """Let go of an exchange that ends, and of what it occupies."""
        ...


class Exchange(Progress):
    """One request and its way to an answer.

    Args:
        target: where it goes.
        request: prefix, lines and body, as given to `Sender.start`.
        on_done: gets the end.
        deadlines: that it is held to.
        owner: whose request it is.

    Attributes:
        holder: who has it in hand; None once it is over.
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
        """Whether it has ended."""
        return self.holder is None

    def data(self) -> bytes:
        """Return the bytes of the request."""
        prefix, lines, body = self.request
        return b"%b%bcontent-length: %d\r\n\r\n%b" % (prefix, lines, len(body), body)

    def written(self, size: int) -> None:
        """`size` bytes are handed to the network, which has room for them: the answer may come."""
        self.phase = "first_byte"
        self.sent = True
        self.bytes_sent = size
        self.wrote_s = now_s = time.monotonic()
        self._deadlines.first_byte.add(self, now_s)

    def stalled(self) -> None:
        """The other side takes in no more of the request for now."""
        if not self.answered:
            self.phase = "write"
            self._deadlines.first_byte.discard(self)
            self._deadlines.write.add(self, time.monotonic())

    def flows_again(self) -> None:
        """The other side has taken in most of the request."""
        if not self.answered:
            self.phase = "first_byte"
            self._deadlines.write.discard(self)
            self._deadlines.first_byte.add(self, time.monotonic())

    def received(self) -> None:
        """Bytes of an answer have arrived; from now on only the total counts."""
        stalled = self.phase == "write"
        super().received()
        self._deadlines.first_byte.discard(self)
        if stalled:
            self._deadlines.write.discard(self)

    def retry(self) -> None:
        """Begin again; `sent` stays, for something may have arrived."""
        self.bytes_sent = 0
        self._deadlines.forget_sending(self)

    def cancel(self, error: TransportError) -> None:
        """See `Started.cancel`."""
        if self.holder is not None:
            self.holder.abandon(self)
            self.end(error)

    def end(self, result: Answer | TransportError) -> None:
        """Invoke the callback. The owner must have released the exchange."""
        self.holder = None
        self._deadlines.total.discard(self)
        if not self.answered:
            self._deadlines.forget_sending(self)
        # The callback's owner holds the exchange: without this, only the garbage collector frees
        # both.
        on_done, self._on_done = self._on_done, _nobody
        self.tell(on_done, result)


def _nobody(_: Answer | TransportError) -> None:
    """Stand for the caller of an exchange that is over."""


@dataclass(frozen=True, slots=True)
class ExchangeDeadlines:
    """The time-outs of exchanges, shared by all; those of connecting are `Dialer`'s."""

    total: Deadlines[Exchange]
    write: Deadlines[Exchange]
    first_byte: Deadlines[Exchange]

    @classmethod
    def of(cls, timers: Timers, timeouts: Timeouts) -> ExchangeDeadlines:
        """Return them, with what happens to those who miss them."""
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
        """Hold an exchange to its total only."""
        self.first_byte.discard(exchange)
        self.write.discard(exchange)
