"""The connections to one origin, and the exchanges that wait for one of them."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections import OrderedDict
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from plaudit.transport.errors import ConnectionLost, TransportError

if TYPE_CHECKING:
    from plaudit.transport.addresses import Origin
    from plaudit.transport.connection import Connection
    from plaudit.transport.exchange import Exchange
    from plaudit.transport.opening import Opener
    from plaudit.transport.sender import PoolLimits
    from plaudit.transport.timers import Deadlines


@dataclass(slots=True)
class Shared:
    """What all pools of an engine share.

    Attributes:
        opener: opens connections.
        limits: of each pool, and of idle connections together.
        idle: idle connections of all pools, the longest idle first; due when idle for too long.
        pools: those in use.
        alive: connections whose sockets are open.
        opening: tasks that open connections.
    """

    opener: Opener
    limits: PoolLimits
    idle: Deadlines[Connection]
    pools: dict[Origin, Pool]
    alive: set[Connection] = field(default_factory=set)
    opening: set[asyncio.Task[Connection]] = field(default_factory=set)
    _gone: asyncio.Event = field(default_factory=asyncio.Event)

    def gone(self, connection: Connection) -> None:
        """Note that a connection's socket is closed."""
        self.alive.discard(connection)
        self._gone.set()

    async def all_gone(self) -> None:
        """Wait until all sockets are closed."""
        while self.alive:
            self._gone.clear()
            await self._gone.wait()


class Pool:
    """Hands out connections in the order of asking; the most recently used one first.

    A connection is opened for one exchange, which bears its failures and has its timings.

    Args:
        origin: where the connections lead.
        shared: with the other pools.
    """

    __slots__ = ("_idle", "_occupied", "_opening", "_shared", "_waiting", "origin")

    def __init__(self, origin: Origin, shared: Shared) -> None:
        self.origin = origin
        self._shared = shared
        self._occupied = 0  # places of `per_origin`: idle, busy and opening
        self._idle: list[Connection] = []
        self._opening: dict[Exchange, asyncio.Task[Connection]] = {}
        self._waiting: OrderedDict[Exchange, None] = OrderedDict()

    def submit(self, exchange: Exchange) -> None:
        """Send an exchange at once, or as soon as there is a place."""
        if self._idle:
            connection = self._idle.pop()
            self._shared.idle.discard(connection)
            if exchange.began_s - connection.opened_s < self._shared.limits.age_s:
                connection.send(exchange)
                return
            connection.close()
        if self._occupied < self._shared.limits.per_origin:
            self.open_for(exchange)
        else:
            exchange.phase = "wait"
            exchange.holder = self
            self._waiting[exchange] = None

    def open_for(self, exchange: Exchange) -> None:
        """Open a connection for an exchange."""
        self._occupied += 1
        exchange.holder = self
        opening = self._shared.opener.open(self, exchange)
        task = asyncio.get_running_loop().create_task(opening)
        self._opening[exchange] = task
        self._shared.opening.add(task)
        # A callback, because a task that is cancelled before it began runs no line of its own.
        task.add_done_callback(partial(self._opened, exchange))

    def release(self, connection: Connection) -> None:
        """Take back a connection that has served an exchange."""
        if self._waiting:
            exchange, _ = self._waiting.popitem(last=False)
            connection.send(exchange)
            return
        shared = self._shared
        now_s = time.monotonic()
        if now_s - connection.opened_s >= shared.limits.age_s:
            connection.close()
            return
        self._idle.append(connection)
        shared.idle.add(connection, now_s)
        if len(shared.idle) > shared.limits.idle_total:
            shared.idle.oldest().close()

    def joined(self, connection: Connection) -> None:
        """Note that a connection's socket is open."""
        self._shared.alive.add(connection)

    def left(self, connection: Connection) -> None:
        """Note that a connection was closed: its place is free."""
        if connection in self._idle:
            self._idle.remove(connection)
            self._shared.idle.discard(connection)
        self._vacate()

    def gone(self, connection: Connection) -> None:
        """Note that a connection's socket is closed."""
        self._shared.gone(connection)

    def keep_session(self, session: ssl.SSLSession | None) -> None:
        """Remember a TLS session for the next connection."""
        self._shared.opener.sessions.keep(self.origin, session)

    def abandon(self, exchange: Exchange) -> None:
        """See `Holder.abandon`: it waits, or a connection is being opened for it."""
        task = self._opening.get(exchange)
        if task is not None:
            task.cancel()  # and its place is free once it has ended
        else:
            del self._waiting[exchange]

    def close(self) -> None:
        """End every exchange and close every connection."""
        error = "the sender was closed"
        for exchange in [*self._waiting, *self._opening]:
            exchange.cancel(ConnectionLost(error, phase=exchange.phase))

    def _vacate(self) -> None:
        self._occupied -= 1
        if self._waiting:
            exchange, _ = self._waiting.popitem(last=False)
            self.open_for(exchange)
        elif not self._occupied:
            # A pool is made again when it is needed: idle origins cost nothing.
            self._shared.pools.pop(self.origin, None)

    def _opened(self, exchange: Exchange, task: asyncio.Task[Connection]) -> None:
        """Send the exchange that a connection was opened for, or tell why there is none."""
        del self._opening[exchange]
        self._shared.opening.discard(task)
        error = ConnectionLost("cancelled") if task.cancelled() else task.exception()
        if error is not None:
            self._vacate()
            if not exchange.over:
                exchange.end(_as_ours(error))
            return
        connection = task.result()
        if not connection.open:
            # It has left already, and its place is free.
            if not exchange.over:
                exchange.end(connection.fault)
        elif exchange.over:
            self.release(connection)
        else:
            connection.send(exchange)


def _as_ours(error: BaseException) -> TransportError:
    """Return the error; a defect is reported, and ends the exchange like any other."""
    if isinstance(error, TransportError):
        return error
    context = {"message": "opening a connection has failed", "exception": error}
    asyncio.get_running_loop().call_exception_handler(context)
    return TransportError(f"defect in the transport: {error!r}")
