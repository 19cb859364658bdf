"""Receivers that misbehave, each on a port of its own, in a process apart from the worker.

It writes their ports as one line of JSON, and ends with its standard input. V's is in another such
process: what it costs A to be hostile must not slow it.

    python -m attack.hostile_process {}
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import struct
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final, cast

Behave = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

OK: Final = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
NEVER_S: Final = 3_600.0
ANSWERS: Final[dict[str, tuple[bytes, ...]]] = {
    "good": (OK,),
    "two answers": (OK, OK),
    "an impossible year": (
        b"HTTP/1.1 503 No\r\nRetry-After: Mon, 99999999999 Jan 2024 00:00:00 GMT\r\n",
        b"Content-Length: 0\r\n\r\n",
    ),
    "an impossible zone": (
        b"HTTP/1.1 503 No\r\nRetry-After: Mon, 01 Jan 2024 00:00:00 +99999999\r\n",
        b"Content-Length: 0\r\n\r\n",
    ),
    "folded headers": (
        b"HTTP/1.1 503 No\r\nVia: 1.1 a,\r\n 1.1 b\r\nRetry-After: 60\r\nContent-Length: 0\r\n\r\n",
    ),
    "redirects without end": (
        b"HTTP/1.1 302 Found\r\nLocation: /again\r\nContent-Length: 0\r\n\r\n",
    ),
    "huge headers": (b"HTTP/1.1 200 OK\r\n", b"x: " + b"y" * 8_000_000 + b"\r\n\r\n"),
    "a bomb of chunks": (
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n",
        b"1\r\nx\r\n" * 90_000,
    ),
    "interim answers": (b"HTTP/1.1 100 Continue\r\n\r\n" * 50_000, OK),
    "refusals for the pace": (b"HTTP/1.1 429 No\r\nretry-after: 0\r\ncontent-length: 0\r\n\r\n",),
    "not HTTP": (b"\x16\x03\x01\x02\x00\x01\r\n\r\n",),
}


async def request(reader: asyncio.StreamReader) -> bool:
    """Read one request; return whether there was one."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
    await reader.readexactly(length)
    return True


def answers(*services: bytes) -> Behave:
    """Return a behavior that answers every request so."""

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await request(reader):
            for part in services:
                writer.write(part)
                await writer.drain()

    return behave


async def trickles(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer with a byte a second."""
    await request(reader)
    for number in range(len(OK)):
        writer.write(OK[number : number + 1])
        await asyncio.sleep(1)


async def resets(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Reset the connection in the middle of an answer."""
    await request(reader)
    writer.write(OK[:20])
    await writer.drain()
    linger = struct.pack("ii", 1, 0)
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)


async def never_reads(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Accept, and neither read nor answer; a TLS handshake hangs here, too."""
    del reader
    cast("asyncio.Transport", writer.transport).pause_reading()
    await asyncio.sleep(NEVER_S)


async def never_ends(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer with a body without end."""
    await request(reader)
    writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        writer.write(b"x" * 65_536)
        await writer.drain()


BEHAVIORS: Final[dict[str, Behave]] = {
    **{name: answers(*services) for name, services in ANSWERS.items()},
    "a byte a second": trickles,
    "a reset": resets,
    "accepts and never reads": never_reads,
    "a body without end": never_ends,
}


async def serve() -> None:
    """Listen until the input ends."""
    os.nice(json.loads(sys.argv[1]).get("nice", 0))
    ports = {}
    for name, behave in BEHAVIORS.items():

        async def accept(
            reader: asyncio.StreamReader, writer: asyncio.StreamWriter, behave: Behave = behave
        ) -> None:
            with suppress(ConnectionError, asyncio.IncompleteReadError):
                await behave(reader, writer)
            writer.close()

        server = await asyncio.start_server(accept, "127.0.0.1", 0, backlog=1_024)
        ports[name] = server.sockets[0].getsockname()[1]
    print(json.dumps(ports), flush=True)
    await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    with suppress(asyncio.CancelledError):
        asyncio.run(serve())
