"""How far one exchange has come: what its errors and its timings are made of."""

from __future__ import annotations

import time

from plaudit.transport.answer import Timings
from plaudit.transport.errors import Phase


class Progress:
    """The notes of one exchange, written by whoever takes the next step.

    Attributes:
        phase: the one under way.
        sent: something was handed to the network.
        answered: a byte of an answer has arrived.
        bytes_sent: of the request, so far.
        in_head: the head of the answer is not complete.
        head_bytes: of it, so far.
        ended: the other side has closed the connection.
    """

    __slots__ = (
        "_began_s",
        "_wrote_s",
        "answered",
        "bytes_sent",
        "connect_ms",
        "dns_ms",
        "ended",
        "first_byte_ms",
        "head_bytes",
        "in_head",
        "phase",
        "sent",
        "tls_ms",
    )

    def __init__(self) -> None:
        self.phase: Phase = "request"
        self.sent = False
        self.answered = False
        self.bytes_sent = 0
        self.in_head = True
        self.ended = False
        self.head_bytes = 0
        self.dns_ms: float | None = None
        self.connect_ms: float | None = None
        self.tls_ms: float | None = None
        self.first_byte_ms: float | None = None
        self._began_s = self._wrote_s = time.monotonic()

    def writing(self, size: int) -> None:
        """`size` bytes are about to be handed to the network."""
        self.phase = "write"
        self.sent = True
        self.bytes_sent = size
        self._wrote_s = time.monotonic()

    def received(self) -> None:
        """Bytes of an answer arrived; the first time counts."""
        if not self.answered:
            self.answered = True
            self.phase = "answer"
            self.first_byte_ms = since_ms(self._wrote_s)

    def timings(self) -> Timings:
        """Return the timings up to now."""
        return Timings(
            self.dns_ms, self.connect_ms, self.tls_ms, self.first_byte_ms, since_ms(self._began_s)
        )


def since_ms(began_s: float) -> float:
    """Return milliseconds since a `time.monotonic()`."""
    return (time.monotonic() - began_s) * 1e3
