"""Making senders for tests, and what they send."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from ipaddress import ip_address, ip_network
from pathlib import Path

import trustme

from plaudit.transport.addresses import AddressPolicy, IPAddress, check_url
from plaudit.transport.answer import Answer
from plaudit.transport.engine.engine import Engine
from plaudit.transport.errors import DnsTimeout
from plaudit.transport.net.dialer import Dialer
from plaudit.transport.net.proxy import Proxy
from plaudit.transport.net.resolver import Resolver, SystemResolver
from plaudit.transport.net.tls import tls_context
from plaudit.transport.sender import Caps, PoolLimits, Sender, Timeouts
from transport.stock import HttpxSender

LOOPBACK = (ip_network("127.0.0.0/8"), ip_network("::1/128"))
QUICK = Timeouts(1.0, 1.0, 1.0, 1.0, 0.3, 0.8)
PATIENT = Timeouts(5.0, 5.0, 5.0, 5.0, 30.0, 30.0)
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
HEADERS = ((b"webhook-id", b"1"), (b"content-type", b"application/json"))
BODY = b'{"a":1}'

SENDERS: dict[str, Callable[[Dialer, ssl.SSLContext, Caps, PoolLimits], Sender]] = {
    "stock": HttpxSender,
    "engine": Engine,
}


@dataclass
class Names:
    """Resolves every name to what is next; the last answer is repeated."""

    answers: Sequence[Sequence[IPAddress]]
    asked: list[str] = field(default_factory=list)

    @classmethod
    def to(cls, *answers: str) -> Names:
        """Each answer is a list of addresses with spaces between."""
        return cls([[ip_address(address) for address in answer.split()] for answer in answers])

    async def resolve(self, host: str, owner: str, limit_s: float) -> Sequence[IPAddress]:
        """See `Resolver.resolve`."""
        del owner, limit_s
        self.asked.append(host)
        return self.answers[min(len(self.asked), len(self.answers)) - 1]


class HangingNames:
    """Never resolves anything."""

    async def resolve(self, host: str, owner: str, limit_s: float) -> Sequence[IPAddress]:
        """See `Resolver.resolve`."""
        del owner
        await asyncio.sleep(limit_s)
        raise DnsTimeout(host)


@cache
def default_tls() -> ssl.SSLContext:
    """Return the context that trusts public authorities; making one takes a while."""
    return tls_context()


@dataclass(frozen=True)
class How:
    """A test's request to a sender."""

    timeouts: Timeouts = QUICK
    tls: ssl.SSLContext | None = None
    resolver: Resolver | None = None
    limits: PoolLimits = field(default_factory=PoolLimits)
    caps: Caps = field(default_factory=Caps)
    proxy: Proxy | None = None

    def dialer(self) -> Dialer:
        """Return the dialer: loopback is allowed."""
        resolver = self.resolver or SystemResolver()
        return Dialer(AddressPolicy(LOOPBACK), self.timeouts, resolver, self.proxy)

    def engine(self) -> Engine:
        """Return an engine."""
        return Engine(self.dialer(), self.tls or default_tls(), self.caps, self.limits)

    def sender(self, name: str) -> Sender:
        """Return one of `SENDERS`."""
        return SENDERS[name](self.dialer(), self.tls or default_tls(), self.caps, self.limits)


async def post(sender: Sender, url: str, body: bytes = BODY) -> Answer:
    """POST the example."""
    return await sender.post(check_url(url), HEADERS, body)


def serving_tls(authority: trustme.CA, name: str) -> ssl.SSLContext:
    """Return the context of a server whose certificate has that name."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(context)
    return context


def trusting(authority: trustme.CA) -> ssl.SSLContext:
    """Return the context of a client that trusts the authority."""
    context = tls_context()
    authority.configure_trust(context)
    return context


class Leaks:
    """Counts what a test must leave as it found it: sockets and tasks."""

    def __init__(self) -> None:
        self._before = self._now()

    async def none_left(self) -> None:
        """Wait until all is as before; sockets close in later steps of the loop."""
        for _ in range(200):
            if self._none():
                return
            await asyncio.sleep(0.005)
        assert self._none(), f"sockets, tasks: {self._now()}, before: {self._before}"

    def _none(self) -> bool:
        # Fewer is no leak: the collector may end what an earlier test has left.
        return all(now <= before for now, before in zip(self._now(), self._before, strict=True))

    @staticmethod
    def _now() -> tuple[int, int]:
        return sum(map(_is_socket, Path("/proc/self/fd").iterdir())), len(asyncio.all_tasks())


def _is_socket(descriptor: Path) -> bool:
    try:
        return str(descriptor.readlink()).startswith("socket:")
    except FileNotFoundError:
        return False  # The one by which the folder is listed.
