"""Subscribers of the end-to-end tests: real HTTP, each path with a behavior of its own."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Self

from aiohttp import web

from waiting import LOOK_EVERY_S

Behave = Callable[[web.Request, int], Awaitable[web.StreamResponse]]


@dataclass
class Arrival:
    """One request that came in."""

    path: str
    message_id: str
    headers: dict[str, str]
    body: bytes
    at: float
    status: int = 0


@dataclass
class Sink:
    """An HTTP server in a thread; add paths with `on` before or after it has started.

    Attributes:
        arrivals: everything that came in, in order.
    """

    arrivals: list[Arrival] = field(default_factory=list)
    port: int = 0
    _behaviors: dict[str, Behave] = field(default_factory=dict)
    _tries: dict[tuple[str, str], int] = field(default_factory=lambda: defaultdict(int))
    _changed: threading.Event = field(default_factory=threading.Event)
    _loop: asyncio.AbstractEventLoop | None = None
    _thread: threading.Thread | None = None
    _started: threading.Event = field(default_factory=threading.Event)
    _stop: asyncio.Event | None = None

    def on(self, name: str, behave: Behave) -> str:
        """Serve `/name` so; return its URL."""
        self._behaviors[f"/{name}"] = behave
        return f"http://127.0.0.1:{self.port}/{name}"

    def ids(self, name: str, status: int = 200) -> Counter[str]:
        """Count by webhook-id what `/name` answered with `status`."""
        return Counter(
            each.message_id
            for each in tuple(self.arrivals)
            if each.path == f"/{name}" and each.status == status
        )

    def wait_until(self, reached: Callable[[], bool], timeout_s: float) -> bool:
        """Wait until `reached`, looked at soon after an arrival."""
        deadline = time.monotonic() + timeout_s
        self._changed.clear()
        while not reached():
            left_s = deadline - time.monotonic()
            if left_s <= 0:
                return reached()
            self._changed.wait(min(left_s, 0.5))
            # Each look goes through all arrivals, which come by the thousand.
            time.sleep(LOOK_EVERY_S)
            self._changed.clear()
        return True

    def call(self, act: Callable[[], None]) -> None:
        """Let something happen in the thread of the sink."""
        assert self._loop is not None
        self._loop.call_soon_threadsafe(act)

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)
        self._thread.start()
        assert self._started.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        assert self._loop is not None
        assert self._stop is not None
        assert self._thread is not None
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        app = web.Application(client_max_size=4 * 1024 * 1024)
        app.router.add_route("*", "/{tail:.*}", self._handle)
        runner = web.AppRunner(
            app, access_log=None, handler_cancellation=True, shutdown_timeout=0.1
        )
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", self.port, backlog=1024)
        await site.start()
        assert runner.addresses
        self.port = runner.addresses[0][1]
        self._started.set()
        await self._stop.wait()
        await runner.cleanup()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        message_id = request.headers.get("webhook-id", "")
        arrival = Arrival(
            request.path,
            message_id,
            {name.lower(): value for name, value in request.headers.items()},
            body,
            time.time(),
        )
        key = (request.path, message_id)
        self._tries[key] += 1
        behave = self._behaviors.get(request.path, missing)
        self.arrivals.append(arrival)
        self._changed.set()
        response = await behave(request, self._tries[key])
        arrival.status = response.status
        self._changed.set()
        return response


async def missing(_: web.Request, __: int) -> web.StreamResponse:
    """Answers 404."""
    return web.Response(status=404)


async def good(_: web.Request, __: int) -> web.StreamResponse:
    """Answers at once."""
    return web.Response(text="ok")


def failing(times: int, status: int = 500) -> Behave:
    """Return a behavior that fails each event some times before it takes it."""

    async def behave(_: web.Request, attempt: int) -> web.StreamResponse:
        return web.Response(status=status if attempt <= times else 200)

    return behave


def always(status: int, **headers: str) -> Behave:
    """Return a behavior that always answers so."""

    async def behave(_: web.Request, __: int) -> web.StreamResponse:
        return web.Response(status=status, headers=headers)

    return behave


async def hanging(_: web.Request, __: int) -> web.StreamResponse:
    """Never answers."""
    await asyncio.Event().wait()
    return web.Response()


async def endless(request: web.Request, _: int) -> web.StreamResponse:
    """Answers 200 and never stops sending."""
    response = web.StreamResponse()
    await response.prepare(request)
    while True:
        await response.write(b"x" * 65_536)


async def trickling(request: web.Request, _: int) -> web.StreamResponse:
    """Answers 200 and a byte now and then."""
    response = web.StreamResponse()
    await response.prepare(request)
    while True:
        await response.write(b"x")
        await asyncio.sleep(0.2)
