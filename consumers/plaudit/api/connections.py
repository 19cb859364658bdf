"""Limits of a connection before the application sees a request: bytes, headers and time.

With httptools, the faster of its parsers, uvicorn limits none of them. This protocol counts them
itself, responds with a problem document, and closes the connection.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any, Final, cast

from uvicorn.protocols.http.httptools_impl import (
    STATUS_LINE,
    HttpToolsProtocol,
    RequestResponseCycle,
)

from plaudit.api.problems import MEDIA_TYPE, Refused, answer

LONGEST_HEAD: Final = 64 * 1024
"""Maximum bytes of a request's line and headers, or of the framing between parts of a body."""
MOST_HEADERS: Final = 100
BYTES_PER_S: Final = 16 * 1024
"""Minimum rate of a body; at this rate, it may take as long as it needs."""
FEW_PARTS: Final = 1_000
BYTES_OF_A_PART: Final = 16
"""Minimum average size of a body's parts, after the first thousand. The parser calls back for each
chunk: with chunks of one byte, three clients without a key held up all others."""
UNREAD_BYTES: Final = 64 * 1024 * 1024
"""Bytes of a body that are received after its request was answered; more close the connection. Most
clients send the whole body before they read the response, and then the next request."""
WRITE_S: Final = 30.0
"""Seconds for which a client may stop reading."""
LINGER_S: Final = 2.0
"""Seconds for a client to read the response, which closing at once could discard."""


@dataclass
class Limits:
    """Limits of a server's connections.

    Attributes:
        head_s: seconds to receive the head of a request.
        body_s: seconds to receive its body, extended while it arrives fast enough.
        most: maximum number of connections; beyond it, the one that has waited longest for a
            request is closed.
        waiting: connections that wait for a request, longest first.
    """

    head_s: float = 10.0
    body_s: float = 20.0
    most: int = 4_096
    waiting: dict[Connection, None] = field(default_factory=dict)


class LimitExceeded(Exception):
    """A request exceeds a limit of its head or of its chunks."""


class Connection(HttpToolsProtocol):
    """A client's connection.

    Attributes:
        limits: limits of the server.
    """

    limits: Limits

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - as uvicorn calls it
        super().__init__(*args, **kwargs)
        self._timer: asyncio.TimerHandle | None = None
        self._writing: asyncio.TimerHandle | None = None
        self._reads_body = False
        self._since_s = 0.0
        self._steps = self._quiet = self._got = self._parts = self._unread = 0
        self._refusal = Refused(400, "not an HTTP/1.1 request")
        self._refused = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Accept a connection; beyond the limit, close the one that has waited longest."""
        super().connection_made(cast("asyncio.Transport", transport))
        self._wait()
        self._arm()
        if len(self.connections) > self.limits.most:
            oldest = next(iter(self.limits.waiting))
            self.limits.waiting.pop(oldest)
            oldest.transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Remove a connection."""
        self._disarm()
        self.resume_writing()
        self.limits.waiting.pop(self, None)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Process data, unless the request was refused."""
        if self._refused:
            return
        if self._timer is None:
            self._arm()
        if self._answered_early():
            self._unread += len(data)
            if self._unread > UNREAD_BYTES:
                self._close()
                return
        before = self._steps
        super().data_received(data)
        if self._steps != before:
            self._quiet = 0
            return
        # The parser buffers a name or a value until its end.
        self._quiet += len(data)
        if self._quiet > LONGEST_HEAD:
            self._refuse(_too_large())

    def on_message_begin(self) -> None:
        """Start a request."""
        super().on_message_begin()
        self._reads_body = False
        self._got = self._parts = self._unread = 0
        if self._timer is None:
            self._arm()

    def on_headers_complete(self) -> None:
        """Check a complete head.

        Raises:
            LimitExceeded: the head is too large.
        """
        size = len(self.url) + sum(len(name) + len(value) for name, value in self.headers)
        if len(self.headers) > MOST_HEADERS or size > LONGEST_HEAD:
            self._refusal = _too_large()
            raise LimitExceeded
        self._steps += 1
        self.limits.waiting.pop(self, None)
        self._reads_body = True
        self._arm()
        super().on_headers_complete()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Process a header; ignore trailers.

        Raises:
            LimitExceeded: the request has too many headers.
        """
        if self._reads_body:
            self._quiet += len(name) + len(value)
            if self._quiet > LONGEST_HEAD:
                self._refusal = _too_large()
                raise LimitExceeded
            return
        super().on_header(name, value)

    def on_body(self, body: bytes) -> None:
        """Process a part of a body.

        Raises:
            LimitExceeded: its parts are too small.
        """
        self._steps += 1
        self._got += len(body)
        self._parts += 1
        if self._parts > FEW_PARTS + self._got // BYTES_OF_A_PART:
            self._refusal = Refused(400, f"chunks of at least {BYTES_OF_A_PART} bytes on average")
            raise LimitExceeded
        super().on_body(body)

    def on_message_complete(self) -> None:
        """End a request."""
        self._steps += 1
        self._reads_body = False
        self._disarm()
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """Wait for the next request."""
        super().on_response_complete()
        if not self.transport.is_closing() and not self.pipeline:
            self._wait()

    def pause_writing(self) -> None:
        """Set a deadline for a client that has stopped reading."""
        super().pause_writing()
        if self._writing is None:
            self._writing = self.loop.call_later(WRITE_S, self.transport.abort)

    def resume_writing(self) -> None:
        """Cancel the deadline: the client reads again."""
        if self._writing is not None:
            self._writing.cancel()
            self._writing = None
        super().resume_writing()

    def send_400_response(self, msg: str) -> None:
        """Refuse a request that the parser could not read."""
        del msg
        self._refuse(self._refusal)

    def _wait(self) -> None:
        self.limits.waiting.pop(self, None)
        self.limits.waiting[self] = None

    def _arm(self) -> None:
        self._disarm()
        self._since_s = self.loop.time()
        seconds = self.limits.body_s if self._reads_body else self.limits.head_s
        self._timer = self.loop.call_later(seconds, self._late)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _late(self) -> None:
        """Close a connection whose request did not arrive in time."""
        self._timer = None
        if self._refused or self.transport.is_closing():
            return
        if not self._reads_body:
            if self._quiet or self.flow.read_paused:
                self._refuse(Refused(408, "the request's headers did not arrive in time"))
            else:
                self.transport.close()
            return
        allowed_s = self.limits.body_s + self._got / BYTES_PER_S
        left_s = self._since_s + allowed_s - self.loop.time()
        if self.flow.read_paused:
            # Reading is paused: an earlier request is still being processed.
            left_s = self.limits.body_s
        if left_s > 0:
            self._timer = self.loop.call_later(left_s, self._late)
        else:
            self._refuse(Refused(408, "the request's body did not arrive in time"))

    def _refuse(self, refused: Refused) -> None:
        """Send a refusal, unless a response has begun, and close the connection."""
        if self._refused or self.transport.is_closing():
            return
        begun = self._answered_early()
        cycle: RequestResponseCycle | None = self.cycle
        if cycle is not None and not cycle.response_complete:
            begun = cycle.response_started or not self._reads_body
            cycle.disconnected = True
            cycle.message_event.set()
        if not begun:
            self.transport.write(_encoded(refused))
        self._close()

    def _answered_early(self) -> bool:
        """Return whether a request was answered before its body has ended."""
        return self._reads_body and bool(self.cycle.response_complete)

    def _close(self) -> None:
        """Ignore what arrives from now on, and close once the client can have read the response."""
        self._refused = True
        self._disarm()
        self.limits.waiting.pop(self, None)
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self.flow.resume_reading()
        self._timer = self.loop.call_later(LINGER_S, self.transport.abort)


def limited(limits: Limits) -> type[Connection]:
    """Return the protocol class for the connections of one server."""

    class Limited(Connection):
        pass

    Limited.limits = limits
    return Limited


def _too_large() -> Refused:
    detail = f"at most {MOST_HEADERS} headers and {LONGEST_HEAD:,} bytes of them"
    return Refused(431, detail)


def _encoded(refused: Refused) -> bytes:
    body = bytes(answer(refused).body)
    head = f"content-type: {MEDIA_TYPE}\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n"
    return STATUS_LINE[refused.status] + head.encode() + body
