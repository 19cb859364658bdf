"""The behavior of broken and hostile endpoints on the wire."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable
from itertools import count
from typing import TypeAlias

from transport.server import Script, Server

Reader: TypeAlias = asyncio.StreamReader
Writer: TypeAlias = asyncio.StreamWriter
Toxic = Callable[[Server, Reader, Writer], Awaitable[None]]

HEAD = b"HTTP/1.1 200 OK\r\n"
BIG = b"x" * 8_000_000
"""More than the buffers of both systems hold."""


def toxic(act: Toxic) -> Callable[[Server], Script]:
    """Return the script of a server that treats every connection so."""

    def script(server: Server) -> Script:
        async def follow(reader: Reader, writer: Writer) -> None:
            await act(server, reader, writer)

        return follow

    return script


def after_request(*parts: bytes, then: Callable[[Writer], None]) -> Toxic:
    """Read a request, send something, and end."""

    async def act(server: Server, reader: Reader, writer: Writer) -> None:
        await server.request(reader)
        for part in parts:
            writer.write(part)
            await writer.drain()
        then(writer)

    return act


def reset(writer: Writer) -> None:
    """Close with RST."""
    sock = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


def close(writer: Writer) -> None:
    """Close with FIN."""
    writer.close()


def endless(before: bytes, part: bytes) -> Toxic:
    """Answer with a start, and then the same for ever."""

    async def act(server: Server, reader: Reader, writer: Writer) -> None:
        await server.request(reader)
        writer.write(before)
        for _ in count():
            writer.write(part)
            await writer.drain()

    return act


def trickle(*parts: bytes) -> Toxic:
    """Answer a little now and then, the last part for ever."""

    async def act(server: Server, reader: Reader, writer: Writer) -> None:
        await server.request(reader)
        for number in count():
            if writer.transport.is_closing():
                return
            writer.write(parts[min(number, len(parts) - 1)])
            await writer.drain()
            await asyncio.sleep(0.05)

    return act


async def reset_at_once(_: Server, __: Reader, writer: Writer) -> None:
    """Accept, and reset before reading anything."""
    reset(writer)


async def deaf(_: Server, __: Reader, ___: Writer) -> None:
    """Never read, never write."""
    await asyncio.Event().wait()
