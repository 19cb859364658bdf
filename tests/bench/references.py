"""The references of a measurement: plain loops that only POST the raw record, and a ceiling.

- `httpx`, `aiohttp`: confluent-kafka and that client, 64 requests at once, as someone would write
  it in an afternoon: no decoding, no signature, no log, commits now and then.
- `parallel-consumer`: Confluent's library with Vert.x on a JVM, as many requests at once.
- `raw`: no Kafka and no client library, 64 connections that send one request after the other; what
  the sink and the loopback can take. `wrk` is the same by the program of that name.

A process of its own, which ends after the time that it was given, whatever happens to its parent.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import tempfile
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Final, Literal, NoReturn, cast
from urllib.parse import urlsplit

import aiohttp
import httpx
import uvloop
from confluent_kafka import Consumer

from bench.parallel_consumer.command import java_command
from plaudit.kafka.settings import KafkaSettings

Kind = Literal["httpx", "aiohttp", "parallel-consumer", "raw", "wrk"]
CEILINGS: Final[frozenset[Kind]] = frozenset({"raw", "wrk"})
"""Those that read no Kafka, and so never come to an end."""
CONCURRENCY: Final = 64
BATCH: Final = 500
_WAIT_S: Final = 0.05


@dataclass(frozen=True, slots=True)
class Reference:
    """One contender.

    Attributes:
        kind: which.
        url: of the sink.
        seconds: after which it ends by itself.
        body_bytes: what `raw` sends.
        topics: what the loops read, from their start.
        group: of the consumer; fresh for each run.
    """

    kind: Kind
    url: str
    seconds: int
    body_bytes: int = 700
    topics: tuple[str, ...] = ()
    group: str = ""

    def options(self) -> dict[str, object]:
        """Return it as what `main` reads."""
        return asdict(self)


class Backlog:
    """Records of the topics, a batch at a time."""

    def __init__(self, topics: Sequence[str], group: str) -> None:
        config = {"group.id": group, "auto.offset.reset": "earliest"}
        self._consumer = Consumer(KafkaSettings().client_config(**config))
        self._consumer.subscribe(list(topics))
        self._batch: deque[bytes] = deque()
        self._reading = asyncio.Lock()

    async def next(self) -> bytes:
        """Return the next record's value."""
        if not self._batch:
            async with self._reading:
                while not self._batch:
                    self._read()
                    await asyncio.sleep(0 if self._batch else _WAIT_S)
        return self._batch.popleft()

    def _read(self) -> None:
        for message in self._consumer.consume(BATCH, _WAIT_S):
            value = message.value()
            if message.error() is None and value is not None:
                self._batch.append(value)

    def close(self) -> None:
        """Leave the group."""
        self._consumer.close()


async def loop_over(reference: Reference, post: Callable[[bytes], Awaitable[None]]) -> None:
    """POST one record after the other, this many at once, until cancelled."""
    backlog = Backlog(reference.topics, reference.group)

    async def one_after_the_other() -> None:
        while True:
            await post(await backlog.next())

    try:
        await asyncio.gather(*(one_after_the_other() for _ in range(CONCURRENCY)))
    finally:
        backlog.close()


async def run_httpx(reference: Reference) -> None:
    """Loop with httpx."""
    limits = httpx.Limits(max_connections=CONCURRENCY, max_keepalive_connections=CONCURRENCY)
    async with httpx.AsyncClient(limits=limits) as client:

        async def post(body: bytes) -> None:
            answer = await client.post(reference.url, content=body)
            answer.raise_for_status()

        await loop_over(reference, post)


async def run_aiohttp(reference: Reference) -> None:
    """Loop with aiohttp."""
    connector = aiohttp.TCPConnector(limit=CONCURRENCY)
    async with aiohttp.ClientSession(connector=connector) as session:

        async def post(body: bytes) -> None:
            async with session.post(reference.url, data=body) as answer:
                answer.raise_for_status()
                await answer.read()

        await loop_over(reference, post)


class Closed(asyncio.Protocol):
    """A connection that sends its request again whenever it was answered.

    Args:
        request: head and body.
    """

    def __init__(self, request: bytes) -> None:
        self._request = request
        self._tail = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send the first one."""
        self._transport = cast("asyncio.Transport", transport)
        self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        """Look for the end of the head; the sink's answers have no body."""
        data = self._tail + data
        if not data.endswith(b"\r\n\r\n"):
            self._tail = data
        elif self._transport is not None:
            self._tail = b""
            self._transport.write(self._request)


async def run_raw(reference: Reference) -> None:
    """Keep 64 connections busy."""
    parts = urlsplit(reference.url)
    host, port = parts.hostname or "", parts.port or 80
    head = f"POST {parts.path} HTTP/1.1\r\nhost: {parts.netloc}\r\n"
    head += f"content-type: application/json\r\ncontent-length: {reference.body_bytes}\r\n\r\n"
    request = head.encode() + b"x" * reference.body_bytes
    loop = asyncio.get_running_loop()
    for _ in range(CONCURRENCY):
        await loop.create_connection(lambda: Closed(request), host, port)
    await asyncio.Event().wait()


WRK_SCRIPT: Final = """
wrk.method = "POST"
wrk.body = string.rep("x", {size})
wrk.headers["content-type"] = "application/json"
"""


async def run_wrk(reference: Reference) -> None:
    """Run `wrk` with one thread and as many connections; its own counts are not asked for."""
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write(WRK_SCRIPT.format(size=reference.body_bytes))
        script.flush()
        options = f"-t1 -c{CONCURRENCY} -d{reference.seconds}s -s {script.name}".split()
        wrk = await asyncio.create_subprocess_exec("wrk", *options, reference.url)
        try:
            await wrk.wait()
        finally:
            if wrk.returncode is None:
                wrk.kill()
                await wrk.wait()


def become_the_peer(reference: Reference) -> NoReturn:
    """Replace this process with the JVM, so that its CPU is counted as a reference's."""
    brokers = KafkaSettings().bootstrap_servers
    command = java_command(reference.url, brokers, reference.group, reference.topics, CONCURRENCY)
    os.execv(command[0], command)  # noqa: S606 - a program of this machine, no shell


RUN: Final[dict[Kind, Callable[[Reference], Awaitable[None]]]] = {
    "httpx": run_httpx,
    "aiohttp": run_aiohttp,
    "raw": run_raw,
    "wrk": run_wrk,
}


async def _run(reference: Reference) -> None:
    running = asyncio.ensure_future(RUN[reference.kind](reference))
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, running.cancel)
    await asyncio.wait([running])
    if not running.cancelled():
        running.result()


def main() -> None:
    """Run one of them."""
    [options] = sys.argv[1:]
    given = json.loads(options)
    given["topics"] = tuple(given["topics"])
    reference = Reference(**given)
    signal.alarm(reference.seconds)  # SIGALRM ends it even if its parent is gone
    if reference.kind == "parallel-consumer":
        become_the_peer(reference)
    uvloop.run(_run(reference))


if __name__ == "__main__":
    main()
