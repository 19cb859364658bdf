"""Progress of one exchange, from which its errors and timings are made."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from plaudit.transport.answer import Answer, Timings
from plaudit.transport.errors import Phase, TransportError

OnDone = Callable[[Answer | TransportError], None]
"""Callback for the end of an exchange. It runs in the event loop's thread and must not raise. If it
does, the exception goes to the loop's exception handler, and other exchanges are not affected."""


class Progress:
    """Progress of one exchange, which each step updates.

    Args:
        owner: name of the request's owner.

    Attributes:
        owner: name of the request's owner.
        phase: the current phase.
        sent: whether bytes were written to the socket.
        answered: whether a byte of an answer has arrived.
        bytes_sent: bytes of the request until now.
        began_s: time of the start, monotonic.
        wrote_s: time of the first write, monotonic.
    """

    __slots__ = (
        "answered",
        "began_s",
        "bytes_sent",
        "connect_ms",
        "dns_ms",
        "first_byte_ms",
        "owner",
        "phase",
        "sent",
        "tls_ms",
        "wrote_s",
    )

    def __init__(self, owner: str) -> None:
        self.owner = owner
        self.phase: Phase = "request"
        self.sent = False
        self.answered = False
        self.bytes_sent = 0
        self.dns_ms: float | None = None
        self.connect_ms: float | None = None
        self.tls_ms: float | None = None
        self.first_byte_ms: float | None = None
        self.began_s = self.wrote_s = time.monotonic()

    def writing(self, size: int) -> None:
        """Note that `size` bytes are about to be written."""
        self.phase = "write"
        self.sent = True
        self.bytes_sent = size
        self.wrote_s = time.monotonic()

    def received(self) -> None:
        """Note the arrival of the answer's first bytes."""
        if not self.answered:
            self.answered = True
            self.phase = "answer"
            self.first_byte_ms = (time.monotonic() - self.wrote_s) * 1e3

    def finish(self, on_done: OnDone, result: Answer | TransportError) -> None:
        """Invoke the callback with the end of the exchange."""
        if isinstance(result, TransportError):
            result.sent = self.sent
            result.timings = self.timings()
        try:
            on_done(result)
        except Exception as error:  # noqa: BLE001 - a fault of one caller must not harm another
            loop = asyncio.get_running_loop()
            loop.call_exception_handler({"message": "on_done has raised", "exception": error})

    def timings(self) -> Timings:
        """Return the timings until now."""
        total_ms = (time.monotonic() - self.began_s) * 1e3
        return Timings(self.dns_ms, self.connect_ms, self.tls_ms, self.first_byte_ms, total_ms)


def since_ms(began_s: float) -> float:
    """Return the milliseconds since a value of `time.monotonic()`."""
    return (time.monotonic() - began_s) * 1e3
