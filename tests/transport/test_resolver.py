"""Look-ups: remembered for a moment, shared while they run, and never in each other's way."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import ip_address

import pytest

from plaudit.transport.addresses import IPAddress
from plaudit.transport.errors import DnsFailed
from plaudit.transport.resolver import CachingResolver, SystemResolver
from transport.senders import Names


async def test_a_look_up_is_remembered_for_a_moment() -> None:
    names = Names.to("127.0.0.1", "127.0.0.2")
    resolver = CachingResolver(names, keep_s=60.0)
    first = await resolver.resolve("a.example", 443)
    assert await resolver.resolve("a.example", 443) == first
    assert await resolver.resolve("b.example", 443) != first
    assert names.asked == ["a.example", "b.example"]


async def test_what_was_remembered_too_long_is_looked_up_again() -> None:
    names = Names.to("127.0.0.1", "127.0.0.2")
    resolver = CachingResolver(names, keep_s=0.0)
    first = await resolver.resolve("a.example", 443)
    assert await resolver.resolve("a.example", 443) != first


async def test_a_failure_is_not_remembered() -> None:
    class Recovering:
        """Fails once."""

        def __init__(self) -> None:
            self.failed = False

        async def resolve(self, host: str, port: int) -> Sequence[IPAddress]:
            """See `Resolver.resolve`."""
            if not self.failed:
                self.failed = True
                raise DnsFailed(f"{host}:{port}")
            return [ip_address("127.0.0.1")]

    resolver = CachingResolver(Recovering())
    with pytest.raises(DnsFailed):
        await resolver.resolve("a.example", 443)
    assert await resolver.resolve("a.example", 443)


async def test_the_system_knows_localhost_and_says_what_it_does_not_know() -> None:
    resolver = SystemResolver()
    assert await resolver.resolve("localhost", 80)
    with pytest.raises(DnsFailed):
        await resolver.resolve("no-such-name.invalid", 80)
