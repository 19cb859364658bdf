"""Minimal receiver that answers every POST at once, and counts."""

from __future__ import annotations

import asyncio
import multiprocessing
import time
from collections.abc import Iterator
from multiprocessing.sharedctypes import Synchronized
from typing import cast

import uvloop

KEPT = 100_000
ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"


class Counts:
    """The count of arrivals; shared between processes."""

    def __init__(self) -> None:
        self.total = multiprocessing.Value("l", 0, lock=False)
        self._pairs = multiprocessing.Array("c", KEPT * 48, lock=False)
        self._times = multiprocessing.Array("d", KEPT, lock=False)

    def take(self, message_id: bytes) -> None:
        """Record an arrival; called in the sink's process only."""
        number = self.total.value
        if number < KEPT:
            place = number * 48
            self._pairs[place : place + len(message_id)] = message_id
            self._times[number] = time.time()
        self.total.value = number + 1

    def arrivals(self) -> Iterator[tuple[str, float]]:
        """Yield the id and the time of each arrival."""
        for number in range(min(self.total.value, KEPT)):
            raw = bytes(self._pairs[number * 48 : number * 48 + 36])
            yield raw.decode(), self._times[number]


class Answerer(asyncio.Protocol):
    """Parses requests just enough to answer them."""

    def __init__(self, counts: Counts) -> None:
        self._counts = counts
        self._buffer = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Answer all complete requests."""
        self._buffer += data
        while True:
            head, found, rest = self._buffer.partition(b"\r\n\r\n")
            if not found:
                return
            lower = head.lower()
            length = int(_header(lower, b"content-length"))
            if len(rest) < length:
                return
            self._buffer = rest[length:]
            self._counts.take(_header(lower, b"webhook-id"))
            assert self._transport is not None
            self._transport.write(ANSWER)


def _header(head: bytes, name: bytes) -> bytes:
    _, _, rest = head.partition(b"\r\n" + name + b":")
    return rest.partition(b"\r\n")[0].strip()


def serve(port: Synchronized[int], counts: Counts) -> None:
    """Run the sink in this process, forever."""

    async def run() -> None:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: Answerer(counts), "127.0.0.1", 0, backlog=1_024)
        port.value = server.sockets[0].getsockname()[1]
        await server.serve_forever()

    uvloop.run(run())
