"""One connection's bytes: reading, writing and TLS on an event loop's own transports."""

from __future__ import annotations

import asyncio
import socket
import ssl
from typing import Final, cast

from plaudit.transport.error_text import connection_reason, handshake_failures
from plaudit.transport.errors import ConnectionLost, TlsFailed, WriteFailed, WriteTimeout

_HIGH_WATER: Final = 256 * 1024
"""Bytes that nobody has read yet; above it the other side is told to wait."""


class Wire(asyncio.Protocol):
    """A connected socket as a stream of bytes; one reader and one writer at a time."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._received = bytearray()
        self._ended = False
        self._error: Exception | None = None
        self._reader: asyncio.Future[None] | None = None
        self._writer: asyncio.Future[None] | None = None
        self._writable = True

    @classmethod
    async def over(cls, sock: socket.socket) -> Wire:
        """Take over a connected socket; it is closed with the wire."""
        loop = asyncio.get_running_loop()
        try:
            _, wire = await loop.create_connection(cls, sock=sock)
        except BaseException:
            sock.close()
            raise
        return wire

    @property
    def stale(self) -> bool:
        """True when an idle connection can't be used: closed, or bytes came unasked."""
        return self._ended or bool(self._received) or self._transport is None

    async def read(self, most: int) -> bytes:
        """Return what has arrived, at most `most` bytes; nothing at the end of the stream.

        Raises:
            ConnectionLost: reset by the other side.
        """
        while not self._received and not self._ended:
            self._reader = self._loop.create_future()
            try:
                await self._reader
            finally:
                self._reader = None
        if not self._received and self._error is not None:
            raise ConnectionLost(connection_reason(self._error))
        data = bytes(self._received[:most])
        del self._received[:most]
        if self._transport is not None and len(self._received) < _HIGH_WATER and not self._ended:
            self._transport.resume_reading()
        return data

    async def write(self, data: bytes, timeout_s: float) -> None:
        """Hand bytes to the network; returns when most of them are on their way.

        Raises:
            WriteFailed: the connection is gone.
            WriteTimeout: the other side took in too little in time.
        """
        if self._transport is None or self._error is not None:
            raise WriteFailed(connection_reason(self._error))
        self._transport.write(data)
        if self._writable:
            return
        self._writer = self._loop.create_future()
        try:
            async with asyncio.timeout(timeout_s):
                await self._writer
        except TimeoutError:
            raise WriteTimeout from None
        finally:
            self._writer = None
        if self._error is not None:
            raise WriteFailed(connection_reason(self._error))

    async def start_tls(self, context: ssl.SSLContext, host: str, timeout_s: float) -> None:
        """Shake hands as a client; certificate and name are checked by the context.

        Raises:
            TlsFailed: the handshake or the certificate.
            TlsTimeout: not done in time.
        """
        if self._transport is None:
            detail = "the connection was closed before the handshake"
            raise TlsFailed(detail)
        with handshake_failures(host):
            async with asyncio.timeout(timeout_s):
                self._transport = await self._loop.start_tls(
                    self._transport, self, context, server_hostname=host
                )

    def close(self) -> None:
        """Close at once; what was not sent yet is not sent."""
        if self._transport is not None:
            self._transport.abort()
            self._transport = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take note of the transport (asyncio calls this)."""
        # uvloop's transports are no subclasses of asyncio's.
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Keep what arrived (asyncio calls this)."""
        self._received += data
        if len(self._received) >= _HIGH_WATER and self._transport is not None:
            self._transport.pause_reading()
        self._wake()

    def eof_received(self) -> bool:
        """Take note of the end of the stream; the transport closes (asyncio calls this)."""
        self._ended = True
        self._wake()
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """Take note that the connection is gone (asyncio calls this)."""
        self._ended = True
        self._error = exc
        self._transport = None
        self._wake()
        if self._writer is not None and not self._writer.done():
            self._error = self._error or ConnectionError("closed by the other side")
            self._writer.set_result(None)

    def pause_writing(self) -> None:
        """Take note that the network is slower than we are (asyncio calls this)."""
        self._writable = False

    def resume_writing(self) -> None:
        """Resume writing (asyncio calls this)."""
        self._writable = True
        if self._writer is not None and not self._writer.done():
            self._writer.set_result(None)

    def _wake(self) -> None:
        if self._reader is not None and not self._reader.done():
            self._reader.set_result(None)
