"""Connection: one exchange at a time, from `write` to the last byte of its response."""

from __future__ import annotations

import asyncio
import select
import ssl
import time
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Final, cast

from plaudit.transport.answer import Answer
from plaudit.transport.error_text import connection_reason, tls_reason
from plaudit.transport.errors import (
    ConnectFailed,
    ConnectionLost,
    TlsFailed,
    TransportError,
    WriteFailed,
)

if TYPE_CHECKING:
    from plaudit.transport.addresses import Origin
    from plaudit.transport.engine.exchange import Exchange
    from plaudit.transport.engine.response_parser import ResponseParser
    from plaudit.transport.engine.tls_channel import TlsChannel

_CLOSED: Final = "closed by the other side"
_UNREAD: Final = select.POLLIN
"""The kernel has unread bytes of the server, or the end of its stream."""


class ConnectionOwner(ABC):
    """Owner of a connection, which notifies it of changes: a pool.

    Attributes:
        owner: name of the owner of the requests.
        origin: destination of the connections.
    """

    __slots__ = ("origin", "owner")

    def __init__(self, owner: str, origin: Origin) -> None:
        self.owner = owner
        self.origin = origin

    @abstractmethod
    def open_for(self, exchange: Exchange) -> None:
        """Open a connection for an exchange."""

    @abstractmethod
    def release(self, connection: Connection) -> None:
        """Take back a connection that has served an exchange."""

    @abstractmethod
    def forget(self, connection: Connection) -> None:
        """Remove a closed connection."""

    @abstractmethod
    def keep_session(self, session: ssl.SSLSession | None) -> None:
        """Keep a TLS session for the next connection."""


class OpenConnections:
    """The connections whose sockets are open."""

    def __init__(self) -> None:
        self._connections: set[Connection] = set()
        self._one_less = asyncio.Event()

    def __len__(self) -> int:
        return len(self._connections)

    def add(self, connection: Connection) -> None:
        """Add an open connection."""
        self._connections.add(connection)

    def discard(self, connection: Connection) -> None:
        """Remove a connection whose socket is closed."""
        self._connections.discard(connection)
        self._one_less.set()

    async def end(self, reason: str) -> None:
        """Close all connections, and wait until their sockets are closed."""
        for connection in list(self._connections):
            connection.end(ConnectionLost(reason))
        while self._connections:
            self._one_less.clear()
            await self._one_less.wait()


class Connection(asyncio.Protocol):
    """A connection of a pool, which it notifies of changes.

    Args:
        pool: the owner of the connection.
        open_connections: set from which it removes itself when its socket is closed.
        parser: parser of the responses.
        tls: encryption after the handshake; None for plain http.

    Attributes:
        opened_s: time of opening, monotonic seconds.
        close_error: error of an exchange that finds the connection closed.
        pool: the owner of the connection.
        tls: encryption; None for plain http.
    """

    __slots__ = (
        "_exchange",
        "_open_connections",
        "_parser",
        "_paused",
        "_served",
        "_transport",
        "_unread",
        "close_error",
        "opened_s",
        "pool",
        "tls",
    )

    def __init__(
        self,
        pool: ConnectionOwner,
        open_connections: OpenConnections,
        parser: ResponseParser,
        tls: TlsChannel | None,
    ) -> None:
        self.pool = pool
        self.tls = tls
        self.opened_s = time.monotonic()
        # With TLS 1.3, a server that rejects the client certificate may close the connection like
        # this.
        self.close_error: TransportError = (
            ConnectFailed("closed at once")
            if tls is None
            else TlsFailed(f"{pool.origin.host}: closed right after the handshake")
        )
        self._open_connections = open_connections
        self._parser = parser
        self._transport: asyncio.Transport | None = None
        self._exchange: Exchange | None = None
        self._served = 0
        self._paused = False
        self._unread = select.poll()

    @property
    def open(self) -> bool:
        """Whether the connection can be used."""
        return self._transport is not None

    @property
    def is_quiet(self) -> bool:
        """Whether the socket has no unread bytes.

        Unread bytes would be taken for the answer to the next request. One system call, about 0.4
        µs.
        """
        return not self._unread.poll(0)

    def send(self, exchange: Exchange) -> None:
        """Write the request of an exchange; the connection must be idle and open."""
        transport = self._transport
        assert transport is not None, "pools hand out open connections only"  # noqa: S101 - for mypy
        self._exchange = exchange
        exchange.holder = self
        self._parser.expect(bodyless=exchange.request[0].startswith(b"HEAD "))
        data = exchange.data()
        exchange.written(len(data))
        transport.write(data if self.tls is None else self._encrypted(self.tls, data))

    def abandon(self, exchange: Exchange) -> None:
        """Close the connection: late bytes of this exchange would be taken for the next answer."""
        del exchange
        self._exchange = None
        self.close()

    def end(self, error: TransportError) -> None:
        """Close at once; an exchange under way ends with the error."""
        if self._exchange is not None:
            self._exchange.cancel(error)
        else:
            self.close()

    def close(self) -> None:
        """Close at once, and leave the pool; the caller ends an exchange under way."""
        transport, self._transport = self._transport, None
        if transport is None:
            return
        transport.abort()
        self._parser.release()
        self.pool.forget(self)

    # The event loop calls these.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        # uvloop's transports are not subclasses of asyncio's.
        self._transport = cast("asyncio.Transport", transport)
        self._unread.register(transport.get_extra_info("socket").fileno(), _UNREAD)

    def data_received(self, data: bytes) -> None:
        """Parse a part of the answer."""
        if self.tls is not None:
            data = self._decrypted(self.tls, data)
            if not data:
                return
        exchange = self._exchange
        if exchange is None:
            self.close()  # Bytes without a request are not an answer.
            return
        if not exchange.answered:
            exchange.received()
        try:
            complete = self._parser.feed(data)
        except TransportError as error:
            exchange.cancel(error)
            return
        ended = self.tls is not None and self.tls.ended
        if complete:
            reusable = self._parser.reusable and not self._paused and not ended
            self._complete(exchange, reusable=reusable)
        elif ended:
            self._end(_CLOSED)

    def eof_received(self) -> None:
        """End at the end of the stream; the transport then closes."""
        self._end(_CLOSED)

    def connection_lost(self, exc: Exception | None) -> None:
        """End after the loss of the connection."""
        self._end(connection_reason(exc) if exc is not None else _CLOSED)
        self._open_connections.discard(self)

    def pause_writing(self) -> None:
        """Note that the server reads more slowly than the request is written."""
        self._paused = True
        if self._exchange is not None:
            self._exchange.stalled()

    def resume_writing(self) -> None:
        """Note that most of the request is sent."""
        self._paused = False
        if self._exchange is not None:
            self._exchange.resumed()

    def _encrypted(self, tls: TlsChannel, data: bytes) -> bytes:
        try:
            return tls.encrypt(data)
        except ssl.SSLError as error:
            # Deferred, because the caller does not have the handle of the exchange yet.
            asyncio.get_running_loop().call_soon(self._break, tls_reason(error))
            return b""

    def _decrypted(self, tls: TlsChannel, data: bytes) -> bytes:
        try:
            plain = tls.decrypt(data)
        except ssl.SSLError as error:
            self._break(tls_reason(error))
            return b""
        if self._transport is not None and (reply := tls.outgoing()):
            self._transport.write(reply)
        if tls.ended and not plain:
            self._end(_CLOSED)
        return plain

    def _complete(self, exchange: Exchange, *, reusable: bool) -> None:
        """Pass the answer on, after freeing the connection for the next exchange."""
        self._exchange = None
        parser = self._parser
        answer = Answer(
            parser.status,
            tuple(parser.headers),
            parser.snippet,
            truncated=parser.truncated,
            timings=exchange.timings(),
            bytes_sent=exchange.bytes_sent,
        )
        self._served += 1
        if self.tls is not None and self._served == 1:
            self.pool.keep_session(self.tls.session)
        if reusable:
            self.pool.release(self)
        else:
            self.close()
        exchange.end(answer)

    def _end(self, detail: str) -> None:
        """Handle the end of the stream: complete, cut or retry the exchange."""
        exchange = self._exchange
        if exchange is None:
            self.close()
        elif self._parser.ends_with_the_stream():
            self._complete(exchange, reusable=False)
        elif self._served and not exchange.answered:
            # The server closed a kept-alive connection before it answered. The retry uses a new
            # connection, which has not served an exchange yet, so it is not retried again.
            self._exchange = None
            exchange.retry()
            self.pool.open_for(exchange)
            self.close()
        elif exchange.phase == "write":
            exchange.cancel(WriteFailed(detail))
        else:
            exchange.cancel(ConnectionLost(detail, phase=exchange.phase))

    def _break(self, reason: str) -> None:
        """Handle an error of TLS, such as a client certificate that a server refuses."""
        exchange = self._exchange
        if exchange is not None and exchange.answered:
            exchange.cancel(ConnectionLost(f"TLS: {reason}"))
        else:
            self.close_error = TlsFailed(f"{self.pool.origin.host}: {reason}")
            self.end(self.close_error)
