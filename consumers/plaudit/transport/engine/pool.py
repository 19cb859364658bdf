"""Pool: an owner's connections to one origin, and its queue of exchanges.

Owners don't share connections: if an origin's server can be made to send more than it was asked
for, what it sends must not be taken for the answer to another owner's request.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections import Counter, OrderedDict
from functools import partial
from typing import TYPE_CHECKING

from plaudit.transport.error_text import as_ours
from plaudit.transport.errors import ConnectionLost

if TYPE_CHECKING:
    from plaudit.transport.addresses import Origin
    from plaudit.transport.engine.connection import Connection
    from plaudit.transport.engine.deadlines import Deadlines
    from plaudit.transport.engine.exchange import Exchange
    from plaudit.transport.engine.opener import Opener
    from plaudit.transport.sender import PoolLimits


class Shared:
    """State that all pools of an engine share.

    Args:
        opener: opens connections.
        limits: of each pool, and of idle connections together.
        idle: idle connections of all pools, the longest idle first; due when idle for too long.

    Attributes:
        pools: those in use, by owner and origin.
        opening: tasks that open connections.
    """

    __slots__ = ("idle", "limits", "opener", "opening", "pools")

    def __init__(self, opener: Opener, limits: PoolLimits, idle: Deadlines[Connection]) -> None:
        self.opener = opener
        self.limits = limits
        self.idle = idle
        self.pools: dict[tuple[str, Origin], Pool] = {}
        self.opening: set[asyncio.Task[Connection]] = set()

    def make_room(self) -> None:
        """Close the longest idle connections of owners that have more than their share of them.

        An eighth at a time: looking at all of them, 0.2 ms for 2,048, is then done once for many.
        """
        idle = list(self.idle)
        counts = Counter(each.pool.owner for each in idle)
        share = self.limits.idle_total // len(counts)
        left = 1 + self.limits.idle_total // 8
        for each in idle:
            owner = each.pool.owner
            if left and counts[owner] > share:
                counts[owner] -= 1
                left -= 1
                each.close()


class Pool:
    """Hands out connections in the order of asking; the most recently used one first.

    A connection is opened for one exchange, which bears its failures and has its timings. It
    belongs to the pool from then on until it is closed.

    Args:
        owner: whose requests the connections carry.
        origin: where the connections lead.
        shared: with the other pools.

    Attributes:
        owner: see above.
        origin: see above.
    """

    __slots__ = ("_idle", "_opening", "_ours", "_shared", "_waiting", "origin", "owner")

    def __init__(self, owner: str, origin: Origin, shared: Shared) -> None:
        self.owner = owner
        self.origin = origin
        self._shared = shared
        self._ours: set[Connection] = set()
        self._idle: list[Connection] = []
        self._opening: dict[Exchange, asyncio.Task[Connection]] = {}
        self._waiting: OrderedDict[Exchange, None] = OrderedDict()

    def submit(self, exchange: Exchange) -> None:
        """Send an exchange at once, or as soon as there is a place."""
        unusable: list[Connection] = []
        while self._idle:
            connection = self._idle.pop()
            self._shared.idle.discard(connection)
            young = exchange.began_s - connection.opened_s < self._shared.limits.age_s
            if young and connection.quiet:
                connection.send(exchange)
                break
            unusable.append(connection)
        else:
            self._begin(exchange)
        # After the exchange has its place: a pool without connections ends.
        for each in unusable:
            each.close()

    def _begin(self, exchange: Exchange) -> None:
        """Open a connection for an exchange, or let it wait for one."""
        if self._places_taken() < self._shared.limits.per_origin:
            self.open_for(exchange)
        else:
            exchange.phase = "wait"
            exchange.holder = self
            self._waiting[exchange] = None

    def open_for(self, exchange: Exchange) -> None:
        """Open a connection for an exchange."""
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
            if connection.quiet:
                exchange, _ = self._waiting.popitem(last=False)
                connection.send(exchange)
            else:
                connection.close()  # One of those that wait gets its place.
            return
        shared = self._shared
        now_s = time.monotonic()
        if now_s - connection.opened_s >= shared.limits.age_s:
            connection.close()
            return
        self._idle.append(connection)
        shared.idle.add(connection, now_s)
        if len(shared.idle) > shared.limits.idle_total:
            shared.make_room()

    def left(self, connection: Connection) -> None:
        """Note that a connection was closed."""
        if connection in self._ours:
            self._ours.discard(connection)
            if connection in self._idle:
                self._idle.remove(connection)
                self._shared.idle.discard(connection)
            self._fill_place()

    def keep_session(self, session: ssl.SSLSession | None) -> None:
        """Remember a TLS session for the next connection."""
        self._shared.opener.sessions.keep(self.origin, session)

    def abandon(self, exchange: Exchange) -> None:
        """See `Holder.abandon`: it waits, or a connection is being opened for it."""
        task = self._opening.get(exchange)
        if task is not None:
            task.cancel()  # Its place is free once it has ended.
        else:
            del self._waiting[exchange]

    def end(self, reason: str) -> None:
        """End every exchange that has no connection yet."""
        for exchange in [*self._waiting, *self._opening]:
            exchange.cancel(ConnectionLost(reason, phase=exchange.phase))

    def _places_taken(self) -> int:
        return len(self._ours) + len(self._opening)

    def _fill_place(self) -> None:
        """Let the exchange that waits longest have a place that has become free."""
        if self._waiting:
            exchange, _ = self._waiting.popitem(last=False)
            self.open_for(exchange)
        elif not self._places_taken():
            # A pool is made again when it is needed: idle origins cost nothing.
            self._shared.pools.pop((self.owner, self.origin), None)

    def _opened(self, exchange: Exchange, task: asyncio.Task[Connection]) -> None:
        """Send the exchange that a connection was opened for, or report the failure."""
        del self._opening[exchange]
        self._shared.opening.discard(task)
        error = ConnectionLost("cancelled") if task.cancelled() else task.exception()
        connection = task.result() if error is None else None
        if connection is None or not connection.open:
            self._fill_place()
            if not exchange.over:
                exchange.end(as_ours(error) if connection is None else connection.fault)
            return
        self._ours.add(connection)
        if exchange.over:
            self.release(connection)
        else:
            connection.send(exchange)
