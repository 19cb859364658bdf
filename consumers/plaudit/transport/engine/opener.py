"""Opener of connections: dial, then TLS handshake."""

from __future__ import annotations

import asyncio
import socket
import ssl
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from plaudit.transport.engine.connection import Connection, ConnectionOwner, OpenConnections
from plaudit.transport.engine.response_parser import ResponseParser
from plaudit.transport.engine.tls_channel import TlsChannel, TlsSessions
from plaudit.transport.error_text import handshake_failures
from plaudit.transport.errors import TlsFailed
from plaudit.transport.net.time_limit import TimeLimit
from plaudit.transport.progress import since_ms

if TYPE_CHECKING:
    from plaudit.transport.engine.exchange import Exchange
    from plaudit.transport.net.dialer import Dialer
    from plaudit.transport.sender import Caps

_READ_BYTES: Final = 16 * 1024


class Opener:
    """Opens connections.

    Args:
        dialer: resolves, checks and connects.
        context: TLS context for https.
        caps: limits on answers.

    Attributes:
        sessions: TLS sessions to resume.
        open_connections: the connections that are open.
    """

    def __init__(self, dialer: Dialer, context: ssl.SSLContext, caps: Caps) -> None:
        self._dialer = dialer
        self._context = context
        self._caps = caps
        self.sessions = TlsSessions()
        self.open_connections = OpenConnections()

    async def open(self, pool: ConnectionOwner, exchange: Exchange) -> Connection:
        """Return an open connection for the pool.

        Raises:
            NothingSent: opening failed; the class tells the stage.
        """
        sock = await self._dialer.connect(exchange.target, exchange)
        try:
            tls = None
            if exchange.target.scheme == "https":
                tls = await self._secure(sock, exchange)
            return await self._over(sock, pool, tls)
        except BaseException:
            sock.close()
            raise

    async def _over(
        self, sock: socket.socket, pool: ConnectionOwner, tls: TlsChannel | None
    ) -> Connection:
        connection = Connection(pool, self.open_connections, ResponseParser(self._caps), tls)
        try:
            await asyncio.get_running_loop().create_connection(lambda: connection, sock=sock)
        except BaseException:
            connection.close()
            raise
        if connection.open:
            self.open_connections.add(connection)
        return connection

    async def _secure(self, sock: socket.socket, exchange: Exchange) -> TlsChannel:
        exchange.phase = "tls"
        began_s = time.monotonic()
        origin = exchange.target.origin
        channel = TlsChannel(self._context, origin.host, self.sessions.get(origin))
        try:
            with handshake_failures(origin.host):
                async with TimeLimit(self._dialer.timeouts.tls_s):
                    await shake_hands(sock, channel)
        finally:
            exchange.tls_ms = since_ms(began_s)
        return channel


async def shake_hands(sock: socket.socket, channel: TlsChannel) -> None:
    """Perform the handshake over a connected socket.

    Raises:
        ssl.SSLError: the handshake failed; the alert was sent. TlsFailed: the server closed the
    connection. OSError: the connection broke.
    """
    loop = asyncio.get_running_loop()
    received = b""
    while True:
        try:
            done = channel.shake_hands(received)
        except ssl.SSLError:
            with suppress(OSError):
                sock.send(channel.outgoing())
            raise
        if reply := channel.outgoing():
            await loop.sock_sendall(sock, reply)
        if done:
            return
        received = await loop.sock_recv(sock, _READ_BYTES)
        if not received:
            raise TlsFailed("closed by the other side")
