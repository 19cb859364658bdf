"""The cost of one POST: `cd tests && python -m bench.transport_cost [REQUESTS]`.

The engine both ways, plain and over TLS, beside aiohttp and the stock transport, all in one run:
1 KB bodies to one sink in another process, 64 at once on kept connections. CPU is this process's.
Prints one line of JSON each.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import ssl
import sys
import time
from collections.abc import Awaitable, Callable
from ipaddress import ip_network
from multiprocessing.sharedctypes import Synchronized
from pathlib import Path

import aiohttp
import trustme
import uvloop

from bench.counting_sink import Answerer, Counts
from plaudit.transport.addresses import AddressPolicy, Target, check_url
from plaudit.transport.answer import Answer
from plaudit.transport.engine.engine import Engine
from plaudit.transport.errors import TransportError
from plaudit.transport.net.dialer import Dialer
from plaudit.transport.net.tls import tls_context
from plaudit.transport.request_head import header_lines, request_prefix
from plaudit.transport.sender import Sender
from transport.stock import HttpxSender

AT_ONCE = 64
ORIGINS = 10_000
BODY = b"x" * 1_024
SAME = ((b"content-type", b"application/json"), (b"user-agent", b"plaudit/0"))
OWN = (
    (b"webhook-id", b"0191f0d2-6f0a-7cc3-b1a5-3d2b8b6c9a10"),
    (b"webhook-timestamp", b"1764000000"),
    (b"webhook-signature", b"v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4="),
)
Run = Callable[[int], Awaitable[None]]


def sink(port: Synchronized[int], context: ssl.SSLContext | None) -> None:
    """Answer every POST, for ever."""

    async def run() -> None:
        counts = Counts()
        loop = asyncio.get_running_loop()
        everywhere = "0.0.0.0"  # noqa: S104 - all of 127.0.0.0/8
        server = await loop.create_server(lambda: Answerer(counts), everywhere, 0, ssl=context)
        port.value = server.sockets[0].getsockname()[1]
        await server.serve_forever()

    uvloop.run(run())


def started(context: ssl.SSLContext | None = None) -> int:
    """Start a sink; return its port."""
    port = multiprocessing.Value("i", 0)
    multiprocessing.Process(target=sink, args=(port, context), daemon=True).start()
    while not port.value:
        time.sleep(0.01)
    return int(port.value)


async def by_callback(engine: Engine, target: Target, count: int) -> None:
    """POST so often, each when an earlier one has ended."""
    prefix, lines = request_prefix(target, SAME), header_lines(OWN)
    ended = asyncio.Event()
    left_to_start, left_to_end = count, count

    def start() -> None:
        nonlocal left_to_start
        if left_to_start:
            left_to_start -= 1
            engine.start(target, prefix, lines, BODY, done)

    def done(result: Answer | TransportError) -> None:
        nonlocal left_to_end
        assert isinstance(result, Answer), result
        left_to_end -= 1
        start()
        if not left_to_end:
            ended.set()

    for _ in range(AT_ONCE):
        start()
    await ended.wait()


async def by_tasks(post: Callable[[], Awaitable[object]], count: int) -> None:
    """POST so often from as many tasks as run at once."""

    async def work() -> None:
        for _ in range(count // AT_ONCE):
            await post()

    await asyncio.gather(*(work() for _ in range(AT_ONCE)))


async def measure(what: str, run: Run, count: int) -> float:
    """Run, after a warm-up, print, and return the CPU-µs of one POST."""
    await run(max(AT_ONCE, count // 10))
    wall_s, cpu_s = time.perf_counter(), time.process_time()
    await run(count)
    wall_s, cpu_s = time.perf_counter() - wall_s, time.process_time() - cpu_s
    cost_us = cpu_s / count * 1e6
    shown = {"what": what, "cpu_us": round(cost_us, 1), "per_s": round(count / wall_s)}
    print(json.dumps(shown), flush=True)
    return cost_us


async def many_origins(dialer: Dialer, context: ssl.SSLContext, port: int) -> None:
    """Go twice round origins that are far more than connections may be kept; print what is held."""
    engine = Engine(dialer, context)
    for _ in range(2):
        for third in range(ORIGINS // 250):
            places = [f"http://127.2.{third}.{last}:{port}/" for last in range(1, 251)]
            await asyncio.gather(*(engine.post(check_url(each), SAME, BODY) for each in places))
    print(json.dumps({"what": f"{ORIGINS} origins, twice", **held(engine)}), flush=True)
    await engine.aclose()


def held(engine: Engine) -> dict[str, int]:
    """Return what an engine and its process hold."""
    status = Path("/proc/self/status").read_text().partition("VmRSS:")[2]
    return {
        "connections": engine.connections,
        "file_descriptors": len(list(Path("/proc/self/fd").iterdir())),
        "memory_mib": int(status.split()[0]) // 1_024,
    }


async def compare(count: int) -> None:
    """Measure all of them."""
    authority, server = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(server)
    client = tls_context()
    authority.configure_trust(client)
    plain = check_url(f"http://127.0.0.1:{started()}/hook")
    secure = check_url(f"https://127.0.0.1:{started(server)}/hook")
    dialer = Dialer(AddressPolicy((ip_network("127.0.0.0/8"),)))
    engine, stock = Engine(dialer, client), HttpxSender(dialer, client)

    def posting(sender: Sender) -> Run:
        return lambda wanted: by_tasks(lambda: sender.post(plain, (*SAME, *OWN), BODY), wanted)

    await measure("engine, callbacks", lambda wanted: by_callback(engine, plain, wanted), count)
    await measure("engine, post()", posting(engine), count)
    headers = {name.decode(): value.decode() for name, value in (*SAME, *OWN)}
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=AT_ONCE)) as session:

        async def post() -> None:
            async with session.post(plain.url, data=BODY, headers=headers) as response:
                await response.read()

        await measure("aiohttp", lambda wanted: by_tasks(post, wanted), count)
    await measure("engine, TLS", lambda wanted: by_callback(engine, secure, wanted), count)
    await many_origins(dialer, client, plain.port)
    await measure("stock", posting(stock), count // 20)
    await engine.aclose()
    await stock.aclose()


if __name__ == "__main__":
    uvloop.run(compare(int(sys.argv[1]) if len(sys.argv) > 1 else 40_000))
