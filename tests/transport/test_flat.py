"""Memory after exchanges: all of it is given back, however they end."""

from __future__ import annotations

import asyncio
import gc
from contextlib import AsyncExitStack

import trustme

from plaudit.transport.answer import Answer
from plaudit.transport.engine.engine import Engine
from plaudit.transport.sender import Timeouts
from transport.callbacks import Ended, start
from transport.conftest import MakeEngine
from transport.senders import OK, serving_tls
from transport.server import Server, answering, serving, silent
from transport.toxics import HEAD, after_request, close, endless, reset, toxic, trickle
from waiting import turns_true

TOXICS = {
    "silent": silent,
    "reset": toxic(after_request(then=reset)),
    "reset in the body": toxic(after_request(HEAD + b"content-length: 9\r\n\r\nhalf", then=reset)),
    "close": toxic(after_request(then=close)),
    "nonsense": answering(b"SSH-2.0-OpenSSH_9.9\r\n\r\n"),
    "trickle": toxic(trickle(HEAD, b"x: y\r\n")),
    "endless headers": toxic(endless(HEAD, b"x: y\r\n" * 1_000)),
    "huge": toxic(endless(HEAD + b"content-length: 10000000000\r\n\r\n", b"x" * 65_536)),
}
EACH = 10
ROUNDS = 2
NOISE = EACH
"""Objects: the loop's and the interpreter's own. One that each exchange with one of the endpoints
left would be twice as many."""
LOOKS = 40
HURRIED = Timeouts(tls_s=0.3, first_byte_s=0.3, total_s=1.0)


async def test_round_after_round_of_toxic_endpoints_leaves_as_many_objects(
    engine: MakeEngine, authority: trustme.CA
) -> None:
    async with AsyncExitStack() as stack:
        servers = [await stack.enter_async_context(serving(each)) for each in TOXICS.values()]
        stranger = serving(answering(OK), serving_tls(authority, "hooks.example"))
        servers.append(await stack.enter_async_context(stranger))
        urls = [server.url for server in servers]
        urls += [f"https://127.0.0.1:{server.port}/" for server in (servers[0], servers[-1])]
        urls.append("http://127.0.0.1:1/")
        made, idle = engine(timeouts=HURRIED), len(asyncio.all_tasks())
        # The first round fills the caches of the loop and of the interpreter.
        await one_round(made, urls)
        await turns_true(lambda: made.connections == 0 and len(asyncio.all_tasks()) <= idle)
        before = objects(servers)
        for _ in range(ROUNDS):
            await one_round(made, urls)
        await turns_true(lambda: made.connections == 0 and len(asyncio.all_tasks()) <= idle)
        left = objects(servers) - before
        for _ in range(LOOKS):
            if left < NOISE:
                break
            # The other side may still be closing; what leaks stays.
            await asyncio.sleep(0.05)
            left = objects(servers) - before
        assert left < NOISE


async def one_round(engine: Engine, urls: list[str]) -> None:
    """Send some requests to each, all at once; hardly one gets an answer."""
    ended = Ended()
    for url in urls * EACH:
        start(engine, url, ended)
    results = await ended.all(len(urls) * EACH)
    assert sum(isinstance(result, Answer) for result in results) <= EACH, "only the huge one may"


def objects(servers: list[Server]) -> int:
    """Count what is alive, apart from what the servers have noted down."""
    for server in servers:
        server.requests.clear()
    gc.collect()
    return len(gc.get_objects())
