"""Process of all subscribers, which answers thousands of requests a second.

It reads paths and behaviors from standard input, a JSON object per line, and exits at the end of
its input. It prints its port, and writes every answered or abandoned request into a file. It
verifies signatures by the specification, without code of the product.

    python -m lab.subscriber_process FILE
"""

from __future__ import annotations

import asyncio
import base64
import hmac
import json
import sys
import time
from collections import Counter
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from random import Random
from typing import BinaryIO, Final, cast
from uuid import UUID

import httptools
import uvloop

from lab.arrivals import NOBODY, pack
from lab.pace import Pace
from lab.scenario import Behavior
from lab.toxics import poison

FLUSH_S = 0.02
EVERY_HOST: Final = "0.0.0.0"  # noqa: S104 - each endpoint has a host of its own in 127.0.0.0/8
UNKNOWN: Final = Behavior(fails=1, failure=404)
"""Answer at an unknown path."""


@dataclass(slots=True)
class Home:
    """Subscriber at a path.

    Attributes:
        number: number of the subscriber.
        key: key for signatures.
        open: number of unanswered requests.
    """

    number: int
    key: bytes
    behavior: Behavior
    pace: Pace
    open: int = 0


@dataclass(slots=True)
class Request:
    """A request, possibly incomplete, and its answer."""

    path: str
    headers: dict[bytes, bytes]
    body: bytes
    at_ms: int = 0

    def event(self) -> bytes:
        """Return the `webhook-id` as bytes; zeros if it is invalid."""
        try:
            return UUID(self.headers[b"webhook-id"].decode()).bytes
        except (KeyError, ValueError):
            return bytes(16)

    def wrong(self, key: bytes) -> str:
        """Return the error of the request: its id, its signature, or a body of another event."""
        message_id = self.headers.get(b"webhook-id", b"")
        if not any(self.event()):
            return "webhook-id"
        stamp = self.headers.get(b"webhook-timestamp", b"")
        signed = b".".join((message_id, stamp, self.body))
        expected = b"v1," + base64.b64encode(hmac.digest(key, signed, "sha256"))
        given = self.headers.get(b"webhook-signature", b"").split(b" ")
        if not any(hmac.compare_digest(expected, each) for each in given):
            return "signature"
        return "" if self.body.startswith(b'{"id":"' + message_id + b'"') else "body"


class Town:
    """All subscribers, and the file of arrivals."""

    def __init__(self, file: BinaryIO) -> None:
        self.homes: dict[str, Home] = {}
        self.tries: Counter[tuple[int, bytes]] = Counter()
        self.open: set[Connection] = set()
        self._file = file
        self._random = Random()  # noqa: S311 - latencies, no secrets

    def settle(self, line: bytes) -> None:
        """Process a line of standard input."""
        given = json.loads(line)
        secret = base64.b64decode(given["secret"].removeprefix("whsec_"))
        behavior = Behavior(**given["behavior"])
        before = self.homes.get(given["path"])
        self.homes[given["path"]] = Home(
            given["number"],
            secret,
            behavior,
            Pace(behavior, self._random),
            before.open if before else 0,
        )

    def write(self, request: Request, status: int) -> None:
        """Write an arrival and its answer."""
        home = self.homes.get(request.path)
        if home is not None:
            home.open -= 1
        number, wrong = (NOBODY, "") if home is None else (home.number, request.wrong(home.key))
        self._file.write(pack(number, request.event(), request.at_ms, status, request.body, wrong))

    async def flush(self) -> None:
        """Flush the file periodically, for its reader."""
        while True:
            await asyncio.sleep(FLUSH_S)
            self._file.flush()


class Connection(asyncio.Protocol):
    """One connection; requests come one after the other."""

    def __init__(self, town: Town) -> None:
        self._town = town
        self._parser = httptools.HttpRequestParser(self)
        self._transport: asyncio.Transport | None = None
        self._path = ""
        self._headers: dict[bytes, bytes] = {}
        self._body: list[bytes] = []
        self._open: Request | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast("asyncio.Transport", transport)
        self._town.open.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Write the request that was not answered."""
        del exc
        self.give_up()
        self._town.open.discard(self)

    def give_up(self) -> None:
        """Write the unanswered request, if there is one."""
        if self._open is not None:
            self._town.write(self._open, 0)
            self._open = None

    def end(self) -> None:
        """Stop reading, and write the unanswered request."""
        self.give_up()
        if self._transport is not None:
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        """Parse."""
        self._parser.feed_data(data)

    def on_message_begin(self) -> None:
        """Begin a request."""
        self._path, self._headers, self._body = "", {}, []

    def on_url(self, url: bytes) -> None:
        """Take the path."""
        self._path += url.decode("latin-1")

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header."""
        self._headers[name.lower()] = value

    def on_body(self, data: bytes) -> None:
        """Take a part of the body."""
        self._body.append(data)

    def on_message_complete(self) -> None:
        """Send the subscriber's answer."""
        request = Request(self._path, self._headers, b"".join(self._body))
        request.at_ms = int(time.time() * 1_000)
        self._open = request
        home = self._town.homes.get(request.path)
        behavior = UNKNOWN if home is None else home.behavior
        if home is not None:
            home.open += 1
            if not home.pace.admits(time.monotonic()):
                self._answer(request, behavior, failing=True)
                return
        failing = self._fails(request, behavior, NOBODY if home is None else home.number)
        latency_s = 0.0 if home is None else home.pace.latency_s(home.open - 1)
        if latency_s:
            answer = partial(self._answer, request, behavior, failing=failing)
            asyncio.get_running_loop().call_later(latency_s, answer)
        else:
            self._answer(request, behavior, failing=failing)

    def _fails(self, request: Request, behavior: Behavior, number: int) -> bool:
        """Count a request of an event, and return whether it fails."""
        key = (number, request.event())
        self._town.tries[key] += 1
        chosen = key[1][-1] % behavior.one_in == 0
        return chosen and self._town.tries[key] <= behavior.fails

    def _answer(self, request: Request, behavior: Behavior, *, failing: bool) -> None:
        transport = self._transport
        if self._open is not request or transport is None or transport.is_closing():
            return
        outcome = behavior.failure if failing else 200
        if isinstance(outcome, str):
            poison(transport, outcome)
            return
        more = ""
        if failing and behavior.retry_after_s is not None:
            more = f"retry-after: {behavior.retry_after_s}\r\n"
        head = f"HTTP/1.1 {outcome} Answer\r\ncontent-length: 0\r\n{more}\r\n"
        transport.write(head.encode())
        self._town.write(request, outcome)
        self._open = None


async def serve(path: Path) -> None:
    """Serve until standard input ends."""
    loop = asyncio.get_running_loop()
    with path.open("wb") as file:
        town = Town(file)
        server = await loop.create_server(lambda: Connection(town), EVERY_HOST, 0, backlog=4_096)
        print(server.sockets[0].getsockname()[1], flush=True)
        flushing = loop.create_task(town.flush())
        lines = asyncio.StreamReader()
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
        while line := await lines.readline():
            town.settle(line)
            print("settled", flush=True)
        flushing.cancel()
        server.close()
        for connection in tuple(town.open):
            connection.end()


if __name__ == "__main__":
    uvloop.run(serve(Path(sys.argv[1])))
