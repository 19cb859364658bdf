"""Progress of one exchange, the source of its errors and timings."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from plaudit.transport.answer import Answer, Timings
from plaudit.transport.errors import Phase, TransportError

OnDone = Callable[[Answer | TransportError], None]
"""Takes the end of an exchange. It runs in the event loop's thread and must not raise; what it
raises nevertheless goes to the loop's exception handler and harms no other exchange."""


class Progress:
    """Notes of one exchange, written by each step.

    Args:
        owner: whose request it is.

    Attributes:
        owner: see above.
        phase: the one under way.
        sent: something was handed to the network.
        answered: a byte of an answer has arrived.
        bytes_sent: of the request, so far.
        began_s: when, monotonic.
        wrote_s: when the first byte was handed over, monotonic.
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
        """`size` bytes are about to be handed to the network."""
        self.phase = "write"
        self.sent = True
        self.bytes_sent = size
        self.wrote_s = time.monotonic()

    def received(self) -> None:
        """Bytes of an answer arrived; the first time counts."""
        if not self.answered:
            self.answered = True
            self.phase = "answer"
            self.first_byte_ms = (time.monotonic() - self.wrote_s) * 1e3

    def tell(self, on_done: OnDone, result: Answer | TransportError) -> None:
        """Invoke the callback with the end of the exchange."""
        if isinstance(result, TransportError):
            result.sent = self.sent
            result.timings = self.timings()
        try:
            on_done(result)
        except Exception as error:  # noqa: BLE001 - a fault of one caller's must not harm another
            loop = asyncio.get_running_loop()
            loop.call_exception_handler({"message": "on_done has raised", "exception": error})

    def timings(self) -> Timings:
        """Return the timings up to now."""
        total_ms = (time.monotonic() - self.began_s) * 1e3
        return Timings(self.dns_ms, self.connect_ms, self.tls_ms, self.first_byte_ms, total_ms)


def since_ms(began_s: float) -> float:
    """Return milliseconds since a `time.monotonic()`."""
    return (time.monotonic() - began_s) * 1e3
