"""HTTP engine: exchanges over pools of connections, without a task or timer for each."""

from __future__ import annotations

import asyncio
import ssl
from typing import TYPE_CHECKING

from plaudit.transport.engine.deadlines import Deadlines, Timers
from plaudit.transport.engine.exchange import Exchange, ExchangeDeadlines
from plaudit.transport.engine.opener import Opener
from plaudit.transport.engine.pool import Pool, SharedPools
from plaudit.transport.sender import Caps, PoolLimits, Sender

if TYPE_CHECKING:
    from plaudit.transport.addresses import Target
    from plaudit.transport.engine.connection import Connection
    from plaudit.transport.net.dialer import Dialer
    from plaudit.transport.progress import OnDone


class Engine(Sender):
    """A `Sender` of protocols and callbacks; create it in its event loop.

    An exchange uses an idle connection of the pool for its owner and origin (`pool`). It is one
    `write` (`connection`) and one parsed answer (`response_parser`). Its deadlines are entries of
    dicts (`deadlines`). Only opening a connection takes a task (`opener`).

    Args:
        dialer: checks addresses and connects; its time-outs are those of the exchanges.
        context: TLS context for https; see `tls_context`.
        caps: limits on answers.
        limits: limits of pools.
    """

    def __init__(
        self,
        dialer: Dialer,
        context: ssl.SSLContext,
        caps: Caps | None = None,
        limits: PoolLimits | None = None,
    ) -> None:
        limits = limits or PoolLimits()
        self._timers = Timers()
        self._deadlines = ExchangeDeadlines.of(self._timers, dialer.timeouts)
        self._closed = False
        idle: Deadlines[Connection] = Deadlines(
            self._timers, limits.idle_s, lambda connection: connection.close()
        )
        opener = Opener(dialer, context, caps or Caps())
        self._shared = SharedPools(opener, limits, idle)
        self._pools = self._shared.pools

    @property
    def connections(self) -> int:
        """Number of open sockets, without those that are being opened."""
        return len(self._shared.opener.open_connections)

    def start(
        self,
        target: Target,
        prefix: bytes,
        lines: bytes,
        body: bytes,
        on_done: OnDone,
        owner: str = "",
    ) -> Exchange:
        """See `Sender.start`."""
        if self._closed:
            msg = "the engine is closed"
            raise RuntimeError(msg)
        exchange = Exchange(target, (prefix, lines, body), on_done, self._deadlines, owner)
        key = (owner, target.origin)
        pool = self._pools.get(key)
        if pool is None:
            pool = self._pools[key] = Pool(owner, target.origin, self._shared)
        pool.submit(exchange)
        return exchange

    async def aclose(self) -> None:
        """See `Sender.aclose`."""
        self._closed = True
        reason = "the sender was closed"
        for pool in list(self._shared.pools.values()):
            pool.end(reason)
        while self._shared.opening:
            await asyncio.wait(self._shared.opening)
        await self._shared.opener.open_connections.end(reason)
        self._timers.close()
