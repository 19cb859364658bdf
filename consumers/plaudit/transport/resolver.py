"""Name look-ups that can hang without taking others down with them."""

from __future__ import annotations

import asyncio
import queue
import socket
import threading
import time
from collections.abc import Sequence
from itertools import takewhile
from typing import Protocol

from plaudit.transport.addresses import IPAddress, parse_address
from plaudit.transport.errors import DnsFailed

MOST_THREADS = 128
"""Look-ups of different names at once; a thread costs about 50 KB while it waits."""

KEPT_S = 5.0
"""How long a look-up is good for; changed addresses take hold within it."""


class Resolver(Protocol):
    """Looks names up; the caller sets the time limit."""

    async def resolve(self, host: str, port: int) -> Sequence[IPAddress]:
        """Return the addresses in the order in which to try them, at least one.

        Raises:
            DnsFailed: no such name, no address, or the look-up itself failed.
        """
        ...


class CachingResolver:
    """Remembers addresses for a moment, failures never.

    A burst of connections to one name is one look-up. What a name led to is judged at each
    connect, remembered or not.

    Args:
        resolver: asked when nothing is remembered.
        keep_s: seconds that addresses are remembered for.
    """

    def __init__(self, resolver: Resolver, keep_s: float = KEPT_S) -> None:
        self._resolver = resolver
        self._keep_s = keep_s
        # In the order of their age, which is that of their end.
        self._known: dict[tuple[str, int], tuple[float, Sequence[IPAddress]]] = {}

    async def resolve(self, host: str, port: int) -> Sequence[IPAddress]:
        """See `Resolver.resolve`."""
        now_s = time.monotonic()
        self._forget(now_s)
        known = self._known.get((host, port))
        if known is not None:
            return known[1]
        addresses = await self._resolver.resolve(host, port)
        self._known.pop((host, port), None)
        self._known[host, port] = (time.monotonic() + self._keep_s, addresses)
        return addresses

    def _forget(self, now_s: float) -> None:
        """Drop what is too old."""
        old = list(takewhile(lambda key: self._known[key][0] <= now_s, self._known))
        for key in old:
            del self._known[key]


class SystemResolver:
    """`getaddrinfo` on threads of its own.

    `loop.getaddrinfo` shares a handful of threads with everything else (the default executor has
    `cpus + 4`, libuv four), and a look-up that hangs holds its thread until the C library gives
    up, long after its caller did: a few dead name servers would stop every other look-up. Here
    each name has at most one look-up under way, which all its callers share, and threads are
    daemons, so that none delays the exit of the process.
    """

    def __init__(self, most_threads: int = MOST_THREADS) -> None:
        self._most_threads = most_threads
        self._under_way: dict[str, asyncio.Future[_Outcome]] = {}
        self._jobs: queue.SimpleQueue[_Job] = queue.SimpleQueue()
        self._threads = 0

    async def resolve(self, host: str, port: int) -> Sequence[IPAddress]:
        """See `Resolver.resolve`; the system's order is kept (RFC 6724)."""
        del port  # what a name resolves to does not depend on it
        found = self._under_way.get(host)
        if found is None:
            found = self._under_way[host] = self._start(host)
        outcome = await asyncio.shield(found)
        if isinstance(outcome, str):
            raise DnsFailed(outcome)
        return outcome

    def _start(self, host: str) -> asyncio.Future[_Outcome]:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[_Outcome] = loop.create_future()
        # Each name under way occupies one thread or waits in the queue for one.
        if self._threads < min(len(self._under_way) + 1, self._most_threads):
            self._threads += 1
            name = f"plaudit-dns-{self._threads}"
            threading.Thread(target=self._work, name=name, daemon=True).start()
        self._jobs.put((host, loop, future))
        return future

    def _work(self) -> None:
        while True:
            host, loop, future = self._jobs.get()
            outcome = look_up(host)
            try:
                loop.call_soon_threadsafe(self._finish, host, future, outcome)
            except RuntimeError:
                # That loop is closed: nobody waits any more. The next one may start afresh.
                self._under_way.pop(host, None)

    def _finish(self, host: str, future: asyncio.Future[_Outcome], outcome: _Outcome) -> None:
        del self._under_way[host]
        if not future.done():
            future.set_result(outcome)


# An error travels as text: a failed future that no caller waits for any more would be logged.
_Outcome = tuple[IPAddress, ...] | str
_Job = tuple[str, asyncio.AbstractEventLoop, "asyncio.Future[_Outcome]"]


def look_up(host: str) -> tuple[IPAddress, ...] | str:
    """Ask the system for the addresses of a name, blocking; return what went wrong as text."""
    try:
        rows = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else None
        return f"{host}: {reason or error}"
    return tuple(dict.fromkeys(parse_address(str(row[4][0])) for row in rows))
