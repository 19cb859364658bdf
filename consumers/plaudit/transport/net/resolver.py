"""Resolver whose hanging look-ups do not block others."""

from __future__ import annotations

import asyncio
import queue
import socket
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from itertools import takewhile
from typing import Final, NamedTuple, Protocol, TypeVar

from plaudit.transport.addresses import IPAddress, parse_address
from plaudit.transport.errors import DnsFailed, DnsTimeout, LookUpsBusy
from plaudit.transport.net.lookups import LookUpScheduler
from plaudit.transport.net.time_limit import TimeLimit

_T = TypeVar("_T")

KEPT_S: Final = 5.0
"""Time for which a look-up is cached, a failed one as well; changed addresses are used after it."""
MOST_KEPT: Final = 20_000
"""Cached names; about 500 bytes each."""


class Resolver(Protocol):
    """Looks names up."""

    async def resolve(self, host: str, owner: str, limit_s: float) -> Sequence[IPAddress]:
        """Return the addresses in the order in which to try them, at least one.

        Args:
            host: the name.
            owner: name of the request's owner; look-ups are scheduled fairly between owners.
            limit_s: seconds to wait for the start of the look-up, and again for its end.

        Raises:
            DnsFailed: the name does not exist, has no address, or the look-up itself failed.
            DnsTimeout: the look-up took too long.
            LookUpsBusy: the look-up was not started in time.
        """
        ...


class CachingResolver:
    """Caches addresses and failures briefly.

    A burst of connections to one name is one look-up. The addresses are checked at each connect,
    cached or not.

    Args:
        resolver: resolver of names that are not cached.
        keep_s: seconds for which an outcome is cached.
        most: maximum cached names; the oldest are dropped first.
    """

    def __init__(self, resolver: Resolver, keep_s: float = KEPT_S, most: int = MOST_KEPT) -> None:
        self._resolver = resolver
        self._keep_s = keep_s
        self._most = most
        # By age, which is also the order of expiry.
        self._known: dict[str, tuple[float, Sequence[IPAddress] | DnsFailed]] = {}

    async def resolve(self, host: str, owner: str, limit_s: float) -> Sequence[IPAddress]:
        """See `Resolver.resolve`."""
        self._forget(time.monotonic())
        known = self._known.get(host)
        if known is not None:
            return _addresses(known[1])
        try:
            found: Sequence[IPAddress] | DnsFailed
            found = await self._resolver.resolve(host, owner, limit_s)
        except DnsFailed as failed:
            found = failed
        self._known.pop(host, None)
        self._known[host] = (time.monotonic() + self._keep_s, found)
        if len(self._known) > self._most:
            del self._known[next(iter(self._known))]
        return _addresses(found)

    def _forget(self, now_s: float) -> None:
        """Drop expired entries."""
        old = list(takewhile(lambda host: self._known[host][0] <= now_s, self._known))
        for host in old:
            del self._known[host]


def _addresses(found: Sequence[IPAddress] | DnsFailed) -> Sequence[IPAddress]:
    """Return addresses, or raise a failure.

    Raises:
        DnsFailed: a new instance each time, because every exchange writes its own timings into its
            error.
    """
    if isinstance(found, DnsFailed):
        raise type(found)(found.detail)
    return found


class _Job:
    """One look-up, and the number of its callers.

    Attributes:
        begun: future that is done once the look-up has a thread.
        outcome: future of the look-up's outcome.
    """

    __slots__ = ("askers", "begun", "loop", "outcome")

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.begun: asyncio.Future[None] = self.loop.create_future()
        self.outcome: asyncio.Future[_Outcome] = self.loop.create_future()
        self.askers = 0


class _Work(NamedTuple):
    """One task of a thread."""

    host: str
    job: _Job


class SystemResolver:
    """Resolver that calls `getaddrinfo` on its own threads.

    `loop.getaddrinfo` shares a few threads with everything else (the default executor has `cpus +
    4`, libuv four), and a hanging look-up occupies its thread until the C library gives up, long
    after its caller did. A few dead name servers would stop every other look-up. Here each name has
    at most one look-up under way, which all its callers share, and `LookUpScheduler` assigns the
    threads. Threads are daemons, so that none delays the exit of the process.

    Args:
        look_up: queries the system, blocking.
    """

    def __init__(self, look_up: Callable[[str], _Outcome] | None = None) -> None:
        self._look_up = look_up or system_look_up
        self._look_ups = LookUpScheduler()
        self._jobs: dict[str, _Job] = {}
        self._work: queue.SimpleQueue[_Work] = queue.SimpleQueue()
        self._threads = 0

    async def resolve(self, host: str, owner: str, limit_s: float) -> Sequence[IPAddress]:
        """See `Resolver.resolve`; the system's order is kept (RFC 6724)."""
        job = self._jobs.get(host)
        if job is None:
            job = self._jobs[host] = _Job()
        job.askers += 1
        try:
            outcome = await self._outcome(host, owner, job, limit_s)
        finally:
            job.askers -= 1
            if not job.askers and not job.begun.done():
                self._look_ups.forget(host)
                del self._jobs[host]
        if isinstance(outcome, str):
            raise DnsFailed(outcome)
        return outcome

    async def _outcome(self, host: str, owner: str, job: _Job, limit_s: float) -> _Outcome:
        if not job.begun.done():
            self._look_ups.request(host, owner, time.monotonic())
            self._begin()
        await _wait_for(job.begun, limit_s)
        if not job.begun.done():
            raise LookUpsBusy(host)
        await _wait_for(job.outcome, limit_s)
        if not job.outcome.done():
            raise DnsTimeout(host)
        return job.outcome.result()

    def _begin(self) -> None:
        """Start threads for the next names."""
        while (host := self._look_ups.begin(time.monotonic())) is not None:
            job = self._jobs[host]
            job.begun.set_result(None)
            if self._threads < self._look_ups.under_way:
                self._threads += 1
                name = f"plaudit-dns-{self._threads}"
                threading.Thread(target=self._run, name=name, daemon=True).start()
            self._work.put(_Work(host, job))

    def _run(self) -> None:
        while True:
            host, job = self._work.get()
            outcome = self._look_up(host)
            try:
                job.loop.call_soon_threadsafe(self._finish, host, job, outcome)
            except RuntimeError:
                # The loop is closed, and all callers with it; the next loop starts with an empty
                # queue.
                self._end(host)

    def _finish(self, host: str, job: _Job, outcome: _Outcome) -> None:
        self._end(host)
        job.outcome.set_result(outcome)
        self._begin()

    def _end(self, host: str) -> None:
        del self._jobs[host]
        self._look_ups.end(host, time.monotonic())


async def _wait_for(future: asyncio.Future[_T], limit_s: float) -> None:
    """Wait until the future is done, or for a time; other callers continue to wait."""
    with suppress(TimeoutError):
        async with TimeLimit(limit_s):
            await asyncio.wait((future,))


# An error is passed as text, because asyncio logs a failed future that no caller awaits.
_Outcome = tuple[IPAddress, ...] | str


def system_look_up(host: str) -> tuple[IPAddress, ...] | str:
    """Query the system for the addresses of a name, blocking; return an error as text."""
    try:
        rows = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else None
        return f"{host}: {reason or error}"
    return tuple(dict.fromkeys(parse_address(str(row[4][0])) for row in rows))
