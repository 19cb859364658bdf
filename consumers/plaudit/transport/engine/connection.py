"""Connection: one exchange at a time, from `write` to the last byte of its response."""

from __future__ import annotations

import asyncio
import select
import ssl
import time
from typing import TYPE_CHECKING, Final, cast

from plaudit.transport.answer import Answer
from plaudit.transport.error_text import said, tls_reason
from plaudit.transport.errors import (
    ConnectFailed,
    ConnectionLost,
    TlsFailed,
    TransportError,
    WriteFailed,
)

if TYPE_CHECKING:
    from plaudit.transport.engine.exchange import Exchange
    from plaudit.transport.engine.pool import Pool
    from plaudit.transport.engine.response_parser import AnswerAssembly
    from plaudit.transport.engine.tls_channel import TlsChannel

_CLOSED: Final = "closed by the other side"
_UNREAD: Final = select.POLLIN
"""The kernel has bytes of the other side, or its end."""


class OpenConnections:
    """The connections whose sockets are open."""

    def __init__(self) -> None:
        self._connections: set[Connection] = set()
        self._one_less = asyncio.Event()

    def __len__(self) -> int:
        return len(self._connections)

    def add(self, connection: Connection) -> None:
        """Note one more."""
        self._connections.add(connection)

    def discard(self, connection: Connection) -> None:
        """Note that its socket is closed."""
        self._connections.discard(connection)
        self._one_less.set()

    async def end(self, reason: str) -> None:
        """Close all, and wait until their sockets are closed."""
        for connection in list(self._connections):
            connection.end(ConnectionLost(reason))
        while self._connections:
            self._one_less.clear()
            await self._one_less.wait()


class Connection(asyncio.Protocol):
    """A connection of a pool, which it notifies of changes.

    Args:
        pool: pool of the connection.
        alive: notified when the socket is closed.
        assembly: parses the responses.
        tls: after its handshake; None for plain http.

    Attributes:
        opened_s: time of opening, monotonic.
        fault: why the connection was closed.
        pool: that it belongs to.
        tls: see above.
    """

    __slots__ = (
        "_alive",
        "_assembly",
        "_exchange",
        "_paused",
        "_served",
        "_transport",
        "_unread",
        "fault",
        "opened_s",
        "pool",
        "tls",
    )

    def __init__(
        self, pool: Pool, alive: OpenConnections, assembly: AnswerAssembly, tls: TlsChannel | None
    ) -> None:
        self.pool = pool
        self.tls = tls
        self.opened_s = time.monotonic()
        # With TLS 1.3, a server that does not like our certificate may end like this.
        self.fault: TransportError = (
            ConnectFailed("closed at once")
            if tls is None
            else TlsFailed(f"{pool.origin.host}: closed right after the handshake")
        )
        self._alive = alive
        self._assembly = assembly
        self._transport: asyncio.Transport | None = None
        self._exchange: Exchange | None = None
        self._served = 0
        self._paused = False
        self._unread = select.poll()

    @property
    def open(self) -> bool:
        """Whether it may be used."""
        return self._transport is not None

    @property
    def quiet(self) -> bool:
        """Whether nothing has come since the last answer that the event loop has not seen yet.

        What lies in the kernel would be taken for the answer to the next request. One system call,
        about 0.4 µs.
        """
        return not self._unread.poll(0)

    def send(self, exchange: Exchange) -> None:
        """Write the request of an exchange; the connection must be idle and open."""
        transport = self._transport
        assert transport is not None, "pools hand out open connections only"  # noqa: S101 - for mypy
        self._exchange = exchange
        exchange.holder = self
        self._assembly.expect(bodyless=exchange.request[0].startswith(b"HEAD "))
        data = exchange.data()
        exchange.written(len(data))
        transport.write(data if self.tls is None else self._encrypted(self.tls, data))

    def abandon(self, exchange: Exchange) -> None:
        """See `ExchangeOwner.abandon`: a partial exchange can't be separated from the next one."""
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
        """Close at once, and leave the pool; an exchange under way is the caller's to end."""
        transport, self._transport = self._transport, None
        if transport is None:
            return
        transport.abort()
        self._assembly.let_go()
        self.pool.left(self)

    # The event loop calls these.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take note of the transport."""
        # uvloop's transports are not subclasses of asyncio's.
        self._transport = cast("asyncio.Transport", transport)
        self._unread.register(transport.get_extra_info("socket").fileno(), _UNREAD)

    def data_received(self, data: bytes) -> None:
        """Take in a part of the answer."""
        if self.tls is not None:
            data = self._decrypted(self.tls, data)
            if not data:
                return
        exchange = self._exchange
        if exchange is None:
            self.close()  # Nothing was asked: whatever it is, the next answer it is not.
            return
        if not exchange.answered:
            exchange.received()
        try:
            complete = self._assembly.feed(data)
        except TransportError as error:
            exchange.cancel(error)
            return
        ended = self.tls is not None and self.tls.ended
        if complete:
            reusable = self._assembly.reusable and not self._paused and not ended
            self._complete(exchange, reusable=reusable)
        elif ended:
            self._end(_CLOSED)

    def eof_received(self) -> None:
        """The other side sends nothing more; the transport closes."""
        self._end(_CLOSED)

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone, for whatever reason."""
        self._end(said(exc) if exc is not None else _CLOSED)
        self._alive.discard(self)

    def pause_writing(self) -> None:
        """The other side is slower than we are."""
        self._paused = True
        if self._exchange is not None:
            self._exchange.stalled()

    def resume_writing(self) -> None:
        """Most of the request is on its way."""
        self._paused = False
        if self._exchange is not None:
            self._exchange.flows_again()

    def _encrypted(self, tls: TlsChannel, data: bytes) -> bytes:
        try:
            return tls.encrypt(data)
        except ssl.SSLError as error:
            # Not at once: the caller has not got the exchange in hand yet.
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
        """Hand the answer over, after the connection is free for the next exchange."""
        self._exchange = None
        assembly = self._assembly
        answer = Answer(
            assembly.status,
            tuple(assembly.headers),
            assembly.snippet,
            assembly.truncated,
            exchange.timings(),
            exchange.bytes_sent,
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
        """Nothing more comes: the answer may end here, be cut, or be tried for once more."""
        exchange = self._exchange
        if exchange is None:
            self.close()
        elif self._assembly.ends_with_the_stream():
            self._complete(exchange, reusable=False)
        elif self._served and not exchange.answered:
            # A kept connection that the other side closed just then; nothing of an answer came.
            # A new connection has not served an exchange yet, so the exchange can't come here
            # again.
            self._exchange = None
            exchange.retry()
            self.pool.open_for(exchange)
            self.close()
        elif exchange.phase == "write":
            exchange.cancel(WriteFailed(detail))
        else:
            exchange.cancel(ConnectionLost(detail, phase=exchange.phase))

    def _break(self, reason: str) -> None:
        """TLS is broken: a client certificate that is refused shows only here (TLS 1.3)."""
        exchange = self._exchange
        if exchange is not None and exchange.answered:
            exchange.cancel(ConnectionLost(f"TLS: {reason}"))
        else:
            self.fault = TlsFailed(f"{self.pool.origin.host}: {reason}")
            self.end(self.fault)
