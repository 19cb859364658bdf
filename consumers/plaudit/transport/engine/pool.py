"""Pool: an owner's connections to one origin, and its queue of exchanges.

Owners don't share connections. An attacker may make an origin's server send extra bytes, which must
not be taken for the answer to another owner's request.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections import Counter, OrderedDict
from functools import partial
from typing import TYPE_CHECKING

from plaudit.transport.engine.connection import Connection, ConnectionOwner
from plaudit.transport.error_text import transport_error_of
from plaudit.transport.errors import ConnectionLost

if TYPE_CHECKING:
    from plaudit.transport.addresses import Origin
    from plaudit.transport.engine.deadlines import Deadlines
    from plaudit.transport.engine.exchange import Exchange
    from plaudit.transport.engine.opener import Opener
    from plaudit.transport.sender import PoolLimits


class SharedPools:
    """State that all pools of an engine share.

    Args:
        opener: opens connections.
        limits: limits of each pool, and of all idle connections.
        idle: idle connections of all pools, the longest idle first; due when idle for too long.

    Attributes:
        pools: pools in use, by owner and origin.
        opening: tasks that open connections.
    """

    __slots__ = ("idle", "limits", "opener", "opening", "pools")

    def __init__(self, opener: Opener, limits: PoolLimits, idle: Deadlines[Connection]) -> None:
        self.opener = opener
        self.limits = limits
        self.idle = idle
        self.pools: dict[tuple[str, Origin], Pool] = {}
        self.opening: set[asyncio.Task[Connection]] = set()

    def close_surplus_idle(self) -> None:
        """Close the longest idle connections of owners that exceed their share.

        It closes an eighth at a time, because a scan of 2,048 connections takes 0.2 ms.
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


class Pool(ConnectionOwner):
    """Gives exchanges a connection in their order; the most recently used connection first.

    A connection is opened for one exchange, which gets the error of a failed opening, and the
    timings. The connection belongs to the pool until it is closed.

    Args:
        owner: name of the owner of the requests.
        origin: destination of the connections.
        shared: state that the pools share.
    """

    __slots__ = ("_connections", "_idle", "_opening", "_shared", "_waiting")

    def __init__(self, owner: str, origin: Origin, shared: SharedPools) -> None:
        super().__init__(owner, origin)
        self._shared = shared
        self._connections: set[Connection] = set()
        self._idle: list[Connection] = []
        self._opening: dict[Exchange, asyncio.Task[Connection]] = {}
        self._waiting: OrderedDict[Exchange, None] = OrderedDict()

    def submit(self, exchange: Exchange) -> None:
        """Send an exchange at once, or as soon as a connection is free."""
        unusable: list[Connection] = []
        while self._idle:
            connection = self._idle.pop()
            self._shared.idle.discard(connection)
            young = exchange.began_s - connection.opened_s < self._shared.limits.age_s
            if young and connection.is_quiet:
                connection.send(exchange)
                break
            unusable.append(connection)
        else:
            self._open_or_wait(exchange)
        # Close these last: a pool without connections and exchanges ends.
        for each in unusable:
            each.close()

    def _open_or_wait(self, exchange: Exchange) -> None:
        """Open a connection for an exchange, or queue it."""
        if self._places_in_use() < self._shared.limits.per_origin:
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
        # A callback, because a task that is cancelled before its start runs none of its own code.
        task.add_done_callback(partial(self._opened, exchange))

    def release(self, connection: Connection) -> None:
        """Take back a connection that has served an exchange."""
        if self._waiting:
            if connection.is_quiet:
                exchange, _ = self._waiting.popitem(last=False)
                connection.send(exchange)
            else:
                connection.close()  # A waiting exchange gets its place.
            return
        shared = self._shared
        now_s = time.monotonic()
        if now_s - connection.opened_s >= shared.limits.age_s:
            connection.close()
            return
        self._idle.append(connection)
        shared.idle.add(connection, now_s)
        if len(shared.idle) > shared.limits.idle_total:
            shared.close_surplus_idle()

    def forget(self, connection: Connection) -> None:
        """Note that a connection was closed."""
        if connection in self._connections:
            self._connections.discard(connection)
            if connection in self._idle:
                self._idle.remove(connection)
                self._shared.idle.discard(connection)
            self._fill_place()

    def keep_session(self, session: ssl.SSLSession | None) -> None:
        """Remember a TLS session for the next connection."""
        self._shared.opener.sessions.keep(self.origin, session)

    def abandon(self, exchange: Exchange) -> None:
        """Remove a waiting exchange, or cancel the opening of its connection."""
        task = self._opening.get(exchange)
        if task is not None:
            task.cancel()  # Its place becomes free when the task has ended.
        else:
            del self._waiting[exchange]

    def end(self, reason: str) -> None:
        """End every exchange that does not have a connection yet."""
        for exchange in [*self._waiting, *self._opening]:
            exchange.cancel(ConnectionLost(reason, phase=exchange.phase))

    def _places_in_use(self) -> int:
        return len(self._connections) + len(self._opening)

    def _fill_place(self) -> None:
        """Give a free place to the exchange that has waited longest."""
        if self._waiting:
            exchange, _ = self._waiting.popitem(last=False)
            self.open_for(exchange)
        elif not self._places_in_use():
            # A pool without connections is dropped, and created again when it is needed.
            self._shared.pools.pop((self.owner, self.origin), None)

    def _opened(self, exchange: Exchange, task: asyncio.Task[Connection]) -> None:
        """Send the exchange for which a connection was opened, or end it with the failure."""
        del self._opening[exchange]
        self._shared.opening.discard(task)
        error = ConnectionLost("cancelled") if task.cancelled() else task.exception()
        connection = task.result() if error is None else None
        if connection is None or not connection.open:
            self._fill_place()
            if not exchange.over:
                exchange.end(
                    transport_error_of(error) if connection is None else connection.close_error
                )
            return
        self._connections.add(connection)
        if exchange.over:
            self.release(connection)
        else:
            connection.send(exchange)
