"""A server that does on the wire exactly what a test tells it."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

Script = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Server:
    """A running server.

    Attributes:
        port: on loopback.
        connections: how many were accepted.
        requests: heads and bodies, as they came.
    """

    port: int = 0
    connections: int = 0
    requests: list[bytes] = field(default_factory=list)
    came: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def url(self) -> str:
        """The URL of the server."""
        return f"http://127.0.0.1:{self.port}/hook"

    async def request(self, reader: asyncio.StreamReader) -> bytes:
        """Read one request with its body; nothing when the client has gone."""
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            line = await reader.readline()
            if not line:
                return b""
            head += line
        lower = head.lower()
        length = int(lower.partition(b"content-length:")[2].partition(b"\r\n")[0])
        whole = head + await reader.readexactly(length)
        self.requests.append(whole)
        self.came.set()
        return whole

    async def wait_for(self, requests: int) -> None:
        """Wait until this many requests have come."""
        while len(self.requests) < requests:
            self.came.clear()
            await self.came.wait()


@asynccontextmanager
async def serving(
    script: Callable[[Server], Script],
    tls: ssl.SSLContext | None = None,
    host: str = "127.0.0.1",
) -> AsyncIterator[Server]:
    """Run a server whose connections all follow the script."""
    made = Server()
    follow = script(made)
    tasks: set[asyncio.Task[None]] = set()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        made.connections += 1
        task = asyncio.current_task()
        if task is not None:
            tasks.add(task)
            task.add_done_callback(tasks.discard)
        # A task that ends cancelled would be logged as an error of the server's.
        with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            await follow(reader, writer)
        writer.close()

    listener = await asyncio.start_server(accept, host, 0, ssl=tls)
    made.port = listener.sockets[0].getsockname()[1]
    try:
        yield made
    finally:
        listener.close()
        for task in tuple(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def answering(*answers: bytes, close: bool = False) -> Callable[[Server], Script]:
    """Return a script that answers request after request; the last answer is repeated."""

    def script(server: Server) -> Script:
        async def follow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            number = 0
            while await server.request(reader):
                writer.write(answers[min(number, len(answers) - 1)])
                await writer.drain()
                number += 1
                if close:
                    return

        return follow

    return script


def silent(server: Server) -> Script:
    """Read requests and never answer."""

    async def follow(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        while await server.request(reader):
            pass

    return follow
