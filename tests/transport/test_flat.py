"""What exchanges leave in memory: nothing, however they end."""

from __future__ import annotations

import asyncio
import gc
from contextlib import AsyncExitStack

import trustme

from plaudit.transport.answer import Answer
from plaudit.transport.engine.engine import Engine
from plaudit.transport.sender import Timeouts
from transport.callbacks import Ended, start, until
from transport.conftest import MakeEngine
from transport.senders import OK, serving_tls
from transport.server import answering, serving, silent
from transport.toxics import HEAD, after_request, close, endless, reset, toxic, trickle

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
ROUNDS = 3
NOISE = 50
"""Objects: the loop's and the interpreter's own; less than one for each exchange of a round."""
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
        made, left = engine(timeouts=HURRIED), []
        for _ in range(ROUNDS):
            await one_round(made, urls)
            await until(lambda: made.connections == 0)
            for server in servers:
                server.requests.clear()
            left.append(await objects())
        assert left[-1] - left[0] < NOISE, left


async def one_round(engine: Engine, urls: list[str]) -> None:
    """Send some requests to each, all at once; hardly one gets an answer."""
    ended = Ended()
    for url in urls * EACH:
        start(engine, url, ended)
    results = await ended.all(len(urls) * EACH)
    assert sum(isinstance(result, Answer) for result in results) <= EACH, "only the huge one may"


async def objects() -> int:
    """Count what is alive, once the loop has ended what is over."""
    for _ in range(20):
        await asyncio.sleep(0)
    gc.collect()
    return len(gc.get_objects())
