"""Look-ups: remembered for a moment, shared while they run, and never in each other's way."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from ipaddress import ip_address

import pytest

from plaudit.transport import errors
from plaudit.transport.addresses import IPAddress
from plaudit.transport.answer import Answer
from plaudit.transport.net.lookups import QUICK_EACH
from plaudit.transport.net.resolver import CachingResolver, SystemResolver
from plaudit.transport.sender import Timeouts
from transport.callbacks import Ended, start
from transport.conftest import MakeEngine
from transport.senders import OK, Names
from transport.server import answering, serving

HERE = (ip_address("127.0.0.1"),)


async def test_a_look_up_is_remembered_for_a_moment() -> None:
    names = Names.to("127.0.0.1", "127.0.0.2")
    resolver = CachingResolver(names, keep_s=60.0)
    first = await resolver.resolve("a.example", "", 1.0)
    assert await resolver.resolve("a.example", "", 1.0) == first
    assert await resolver.resolve("b.example", "", 1.0) != first
    assert names.asked == ["a.example", "b.example"]


async def test_an_expired_cache_entry_is_looked_up_again() -> None:
    names = Names.to("127.0.0.1", "127.0.0.2")
    resolver = CachingResolver(names, keep_s=0.0)
    first = await resolver.resolve("a.example", "", 1.0)
    assert await resolver.resolve("a.example", "", 1.0) != first


async def test_the_cache_is_bounded() -> None:
    names = Names.to("127.0.0.1")
    resolver = CachingResolver(names, keep_s=60.0, most=2)
    for host in ("a", "b", "c", "b", "a"):
        await resolver.resolve(host, "", 1.0)
    assert names.asked == ["a", "b", "c", "a"]


class Recovering:
    """Fails once.

    Args:
        failure: how.
    """

    def __init__(self, failure: errors.TransportError) -> None:
        self.failure: errors.TransportError | None = failure

    async def resolve(self, host: str, owner: str, limit_s: float) -> Sequence[IPAddress]:
        """See `Resolver.resolve`."""
        del host, owner, limit_s
        if self.failure is not None:
            failure, self.failure = self.failure, None
            raise failure
        return HERE


@pytest.mark.parametrize("kind", [errors.DnsFailed, errors.DnsTimeout])
async def test_a_failure_is_remembered_for_a_moment(kind: type[errors.DnsFailed]) -> None:
    resolver = CachingResolver(Recovering(kind("a")), keep_s=60.0)
    seen = []
    for _ in range(2):
        with pytest.raises(kind, match="a") as failed:
            await resolver.resolve("a", "", 1.0)
        seen.append(failed.value)
    assert seen[0] is not seen[1], "each exchange writes its timings into its own"
    forgets = CachingResolver(Recovering(kind("a")), keep_s=0.0)
    with pytest.raises(kind):
        await forgets.resolve("a", "", 1.0)
    assert await forgets.resolve("a", "", 1.0) == HERE


async def test_a_failed_look_up_does_not_count_against_the_name() -> None:
    resolver = CachingResolver(Recovering(errors.LookUpsBusy("a")), keep_s=60.0)
    with pytest.raises(errors.LookUpsBusy):
        await resolver.resolve("a", "", 1.0)
    assert await resolver.resolve("a", "", 1.0) == HERE


async def test_the_system_resolver_finds_localhost_and_raises_for_unknown_names() -> None:
    resolver = SystemResolver()
    assert await resolver.resolve("localhost", "", 5.0)
    with pytest.raises(errors.DnsFailed):
        await resolver.resolve("no-such-name.invalid", "", 5.0)


class Hanging:
    """A `getaddrinfo` for which names that begin with `hang` hang until they are let go."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.release = threading.Event()

    def __call__(self, host: str) -> tuple[IPAddress, ...] | str:
        self.asked.append(host)
        if host.startswith("hang"):
            self.release.wait(60)
        return HERE


@contextmanager
def hanging() -> Iterator[Hanging]:
    system = Hanging()
    try:
        yield system
    finally:
        system.release.set()


async def test_concurrent_look_ups_of_a_name_share_one_query() -> None:
    with hanging() as system:
        resolver = SystemResolver(system)
        asking = [
            asyncio.create_task(resolver.resolve("hang.example", owner, 30.0)) for owner in "aab"
        ]
        while not system.asked:  # noqa: ASYNC110 - a thread sets it
            await asyncio.sleep(0.001)
        system.release.set()
        assert await asyncio.gather(*asking) == [HERE] * 3
        assert system.asked == ["hang.example"]


async def test_names_that_hang_cost_their_owner_its_share_and_others_nothing(
    engine: MakeEngine,
) -> None:
    with hanging() as system:
        async with serving(answering(OK)) as server:
            resolver = CachingResolver(SystemResolver(system))
            made = engine(
                resolver=resolver, timeouts=Timeouts(dns_s=2.0, first_byte_s=30.0, total_s=60.0)
            )
            hostile, ordinary = Ended(), Ended()
            for number in range(400):
                start(made, f"https://hang{number}.example/", hostile, owner="a")
            await asyncio.sleep(0)
            for number in range(20):
                url = f"http://v{number}.example:{server.port}/"
                start(made, url, ordinary, owner="v")
            assert all(isinstance(each, Answer) for each in await ordinary.all(20))
            assert not hostile.results, "before the first of those has even timed out"
            ends = [type(each) for each in await hostile.all(400)]
            assert ends.count(errors.DnsTimeout) == QUICK_EACH, "those that were asked about"
            assert ends.count(errors.LookUpsBusy) == 400 - QUICK_EACH, "not their endpoints' fault"
            assert len(system.asked) == QUICK_EACH + 20
