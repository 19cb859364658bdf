"""Dialer: resolves a target, checks every address, and connects to a checked one."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import chain, zip_longest

from plaudit.transport.addresses import AddressPolicy, IPAddress, Target
from plaudit.transport.error_text import connection_reason
from plaudit.transport.errors import (
    ConnectFailed,
    ConnectTimeout,
    DnsFailed,
    ProxyRefused,
)
from plaudit.transport.net.proxy import Proxy, open_tunnel
from plaudit.transport.net.resolver import Resolver, SystemResolver
from plaudit.transport.net.time_limit import TimeLimit
from plaudit.transport.progress import Progress, since_ms
from plaudit.transport.sender import Timeouts

HEAD_START_S = 0.25
"""Time for which an address is tried before the next one is tried as well (RFC 8305 section 5)."""
MOST_TRIED = 6
"""Maximum addresses of a name that are tried; all of them are checked."""


@dataclass(frozen=True, slots=True)
class Dialer:
    """Connects to checked addresses only; a name is not looked up again between check and connect.

    Attributes:
        policy: decides which addresses are allowed.
        timeouts: time limits; the dialer applies those of look-up and connect.
        resolver: looks names up.
        proxy: proxy for tunnels to the checked addresses; None: connect directly.
    """

    policy: AddressPolicy
    timeouts: Timeouts = field(default_factory=Timeouts)
    resolver: Resolver = field(default_factory=SystemResolver)
    proxy: Proxy | None = None

    async def connect(self, target: Target, progress: Progress) -> socket.socket:
        """Return a connected, non-blocking socket; the caller closes it.

        Raises:
            AddressRefused: the policy forbids the scheme or one of the addresses.
            DnsFailed: the look-up failed, or took too long (`DnsTimeout`).
            LookUpsBusy: the name was not looked up in time.
            ConnectFailed: no address accepted, or the proxy refused the tunnel (`ProxyRefused`).
            ConnectTimeout: no connection in time.
        """
        progress.phase = "address"
        self.policy.check(target)
        if self.proxy is not None and self.proxy.resolves:
            return await self._through(self.proxy, [join(target.host, target.port)], progress)
        addresses = in_order(await self._checked(target, progress))
        if self.proxy is None:
            return await self._connect(addresses, target.port, progress)
        places = [join(str(address), target.port) for address in addresses]
        return await self._through(self.proxy, places, progress)

    async def _checked(self, target: Target, progress: Progress) -> Sequence[IPAddress]:
        if target.address is not None:
            return (target.address,)
        addresses = await self._resolve(target, progress)
        progress.phase = "address"
        self.policy.check_all(target, addresses)
        return addresses

    async def _resolve(self, target: Target, progress: Progress) -> Sequence[IPAddress]:
        if target.address is not None:
            return (target.address,)
        progress.phase = "dns"
        began_s = time.monotonic()
        try:
            addresses = await self.resolver.resolve(
                target.host, progress.owner, self.timeouts.dns_s
            )
        finally:
            progress.dns_ms = (progress.dns_ms or 0.0) + since_ms(began_s)
        if not addresses:
            msg = f"{target.host}: no address"
            raise DnsFailed(msg)
        return addresses

    async def _through(
        self, proxy: Proxy, places: Sequence[str], progress: Progress
    ) -> socket.socket:
        """Connect through the proxy, trying the addresses in order."""
        # The operator configured the proxy's address, so the policy does not apply to it.
        addresses = in_order(await self._resolve(proxy.target, progress))
        refused = ProxyRefused()
        for place in places:
            sock = await self._connect(addresses, proxy.target.port, progress)
            progress.phase = "proxy"
            try:
                async with TimeLimit(self.timeouts.connect_s):
                    await open_tunnel(sock, proxy, place)
            except ProxyRefused as error:
                sock.close()
                refused = error
            except TimeoutError:
                sock.close()
                raise ConnectTimeout(f"{proxy}: no tunnel to {place}") from None
            except BaseException:
                sock.close()
                raise
            else:
                return sock
        raise refused

    async def _connect(
        self, addresses: Sequence[IPAddress], port: int, progress: Progress
    ) -> socket.socket:
        progress.phase = "connect"
        began_s = time.monotonic()
        try:
            async with TimeLimit(self.timeouts.connect_s):
                return await race(addresses, port)
        except TimeoutError:
            raise ConnectTimeout(", ".join(map(str, addresses))) from None
        finally:
            progress.connect_ms = since_ms(began_s)


def join(host: str, port: int) -> str:
    """Return `host:port`; an IPv6 address goes into brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def in_order(addresses: Sequence[IPAddress]) -> list[IPAddress]:
    """Return the addresses to try: families alternate, the resolver's first choice leads."""
    first = addresses[0].version
    same = [address for address in addresses if address.version == first]
    other = [address for address in addresses if address.version != first]
    pairs = chain.from_iterable(zip_longest(same, other))
    return [address for address in pairs if address is not None][:MOST_TRIED]


async def race(addresses: Sequence[IPAddress], port: int) -> socket.socket:
    """Connect to the addresses in order, each with a head start; the first to accept wins.

    Raises:
        ConnectFailed: none accepted; the message has the error of each.
    """
    if len(addresses) == 1:
        return await _connected(addresses[0], port)
    running: set[asyncio.Task[socket.socket]] = set()
    failures: list[str] = []
    try:
        for position, address in enumerate(addresses, 1):
            running.add(asyncio.create_task(_connected(address, port)))
            last = position == len(addresses)
            while running:
                done, running = await asyncio.wait(
                    running,
                    timeout=None if last else HEAD_START_S,
                    return_when=asyncio.FIRST_COMPLETED,
                )
                if winner := _winner(done, failures):
                    return winner
                if not last:
                    break
        raise ConnectFailed("; ".join(failures))
    finally:
        await _abandon(running)


def _winner(done: set[asyncio.Task[socket.socket]], failures: list[str]) -> socket.socket | None:
    winner: socket.socket | None = None
    for task in done:
        error = task.exception()
        if isinstance(error, ConnectFailed):
            failures.append(error.detail)
        elif error is not None:
            raise error
        elif winner is None:
            winner = task.result()
        else:
            task.result().close()
    return winner


async def _abandon(running: set[asyncio.Task[socket.socket]]) -> None:
    """End the other attempts, including those that have connected meanwhile."""
    for task in running:
        task.cancel()
    for outcome in await asyncio.gather(*running, return_exceptions=True):
        if isinstance(outcome, socket.socket):
            outcome.close()


async def _connected(address: IPAddress, port: int) -> socket.socket:
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6  # noqa: PLR2004 - IPv4
    sock: socket.socket | None = None
    try:
        sock = socket.socket(family, socket.SOCK_STREAM)
        sock.setblocking(False)  # noqa: FBT003 - the socket module's signature
        # A request is one write, so Nagle's algorithm would only delay it, by up to 40 ms.
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        await asyncio.get_running_loop().sock_connect(sock, (str(address), port))
    except OSError as error:
        if sock is not None:
            sock.close()
        msg = f"{address} port {port}: {connection_reason(error)}"
        raise ConnectFailed(msg) from error
    except BaseException:
        if sock is not None:
            sock.close()
        raise
    return sock
