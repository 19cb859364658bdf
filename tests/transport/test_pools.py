"""Connections of the engine: which are used again, which are tried again, which are closed."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable

import pytest

from plaudit.transport import errors
from plaudit.transport.answer import Answer
from plaudit.transport.request_head import header_lines
from plaudit.transport.sender import PoolLimits, Timeouts
from transport.callbacks import Ended, start
from transport.conftest import MakeEngine
from transport.senders import (
    OK,
    PATIENT,
    post,
)
from transport.server import Script, Server, answering, serving
from waiting import turns_true

FAILED = b"HTTP/1.1 500 No\r\ncontent-length: 2\r\n\r\nno"


async def test_a_kept_connection_that_dies_is_tried_again_no_more_than_once(
    engine: MakeEngine,
) -> None:
    def script(server: Server) -> Script:
        async def follow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await server.request(reader)
            if len(server.requests) == 1:
                writer.write(OK)
                await server.request(reader)

        return follow

    async with serving(script) as server:
        made = engine()
        await post(made, server.url)
        with pytest.raises(errors.ConnectionLost):
            await post(made, server.url)
        assert len(server.requests) == 3


async def test_a_kept_connection_that_dies_in_its_answer_is_not_tried_again(
    engine: MakeEngine,
) -> None:
    def script(server: Server) -> Script:
        async def follow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            for answer in (OK, OK[:9]):
                await server.request(reader)
                writer.write(answer)

        return follow

    async with serving(script) as server:
        made = engine()
        await post(made, server.url)
        with pytest.raises(errors.ConnectionLost):
            await post(made, server.url)
        assert len(server.requests) == 2


async def test_a_new_connection_that_dies_is_not_tried_again(engine: MakeEngine) -> None:
    def script(server: Server) -> Script:
        async def follow(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
            await server.request(reader)

        return follow

    async with serving(script) as server:
        with pytest.raises(errors.ConnectionLost):
            await post(engine(), server.url)
        assert len(server.requests) == 1


async def test_waiting_requests_are_given_connections_in_order(engine: MakeEngine) -> None:
    async with serving(answering(OK)) as server:
        made, ended = engine(limits=PoolLimits(per_origin=1)), Ended()
        for number in range(5):
            start(made, server.url, ended, header_lines([(b"n", b"%d" % number)]))
        await ended.all(5)
        assert server.connections == 1
        order = [request.partition(b"n: ")[2][:1] for request in server.requests]
        assert order == [b"0", b"1", b"2", b"3", b"4"]


async def test_a_request_that_times_out_on_a_kept_connection_is_not_sent_twice(
    engine: MakeEngine,
) -> None:
    async with serving(answering(OK, b"")) as server:
        made = engine(timeouts=Timeouts(first_byte_s=0.2))
        await post(made, server.url)
        with pytest.raises(errors.FirstByteTimeout):
            await post(made, server.url)
        assert len(server.requests) == 2


@pytest.mark.parametrize(
    "answer",
    [
        OK + b" and more",
        OK + b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok",
        b"HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nok",
        b"HTTP/1.1 304 Not Modified\r\ncontent-length: 2\r\n\r\nok",
    ],
    ids=["garbage", "a second answer", "connection: close", "HTTP/1.0", "304 with a body"],
)
async def test_a_connection_that_can_not_be_trusted_is_not_used_again(
    engine: MakeEngine, answer: bytes
) -> None:
    async with serving(answering(answer)) as server:
        made = engine()
        for _ in range(3):
            assert (await post(made, server.url)).status in {200, 304}
        assert server.connections == 3


async def test_unexpected_bytes_close_an_idle_connection(engine: MakeEngine) -> None:
    unasked = asyncio.Event()

    def script(server: Server) -> Script:
        async def follow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await server.request(reader)
            writer.write(OK)
            await unasked.wait()
            writer.write(OK)
            await reader.read()

        return follow

    async with serving(script) as server:
        made = engine()
        await post(made, server.url)
        unasked.set()
        await turns_true(lambda: made.connections == 0)


def answering_twice(after_s: float) -> Callable[[Server], Script]:
    """Answer A's requests with 200, and once more after a while; V's with 500."""

    def script(server: Server) -> Script:
        async def follow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            while request := await server.request(reader):
                if b"owner: v" in request:
                    writer.write(FAILED)
                    continue
                writer.write(OK)
                if after_s:
                    await writer.drain()
                    await asyncio.sleep(after_s)
                writer.write(OK)

        return follow

    return script


@pytest.mark.parametrize("after_s", [0.0, 0.0001, 0.001, 0.005])
async def test_unasked_bytes_of_one_owners_server_never_answer_another_owner(
    engine: MakeEngine, after_s: float
) -> None:
    async with serving(answering_twice(after_s)) as server:
        made, ended = engine(timeouts=PATIENT), Ended()

        def then(_: object) -> None:
            start(made, server.url, ended, header_lines([(b"owner", b"v")]), owner="v")

        for _ in range(8):
            for _ in range(8):
                start(made, server.url, then, owner="a")
            await ended.all(len(ended.results) + 8)
        results = [each.status for each in await ended.all(64) if isinstance(each, Answer)]
        assert results == [500] * 64


def kept(writers: list[asyncio.StreamWriter]) -> Callable[[Server], Script]:
    """Answer every request, and keep what connections are written to with."""

    def script(server: Server) -> Script:
        async def follow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writers.append(writer)
            while await server.request(reader):
                writer.write(OK)

        return follow

    return script


@pytest.mark.parametrize("unread", [FAILED, b""], ids=["another answer", "the end"])
async def test_bytes_that_lie_unread_close_a_connection_before_it_is_used_again(
    engine: MakeEngine, unread: bytes
) -> None:
    writers: list[asyncio.StreamWriter] = []
    async with serving(kept(writers)) as server:
        made, ended = engine(), Ended()
        await post(made, server.url)
        # Neither of these returns to the event loop, which would see the bytes.
        with socket.socket(fileno=os.dup(writers[0].get_extra_info("socket").fileno())) as other:
            other.sendall(unread)
            if not unread:
                other.shutdown(socket.SHUT_WR)
        start(made, server.url, ended)
        [result] = await ended.all(1)
        assert isinstance(result, Answer)
        assert (result.status, server.connections, len(server.requests)) == (200, 2, 2)


async def test_an_owner_uses_its_own_connections_again(engine: MakeEngine) -> None:
    async with serving(answering(OK)) as server:
        made = engine()
        for owner in ("a", "v", "a", "v"):
            ended = Ended()
            start(made, server.url, ended, owner=owner)
            await ended.all(1)
        assert server.connections == 2


async def test_idle_connections_are_closed_after_a_while_and_not_before(
    engine: MakeEngine,
) -> None:
    async with serving(answering(OK)) as server:
        made = engine(limits=PoolLimits(idle_s=0.3))
        await post(made, server.url)
        began = asyncio.get_running_loop().time()
        await turns_true(lambda: made.connections == 0)
        assert asyncio.get_running_loop().time() - began >= 0.29
        await post(made, server.url)
        assert server.connections == 2


async def test_a_connection_that_is_too_old_is_not_used_again(engine: MakeEngine) -> None:
    async with serving(answering(OK)) as server:
        made = engine(limits=PoolLimits(age_s=0.0))
        for _ in range(3):
            await post(made, server.url)
        assert server.connections == 3


async def test_over_all_origins_the_longest_idle_are_closed_first(engine: MakeEngine) -> None:
    async with serving(answering(OK), host="0.0.0.0") as server:  # noqa: S104 - loopback has many addresses
        made = engine(limits=PoolLimits(idle_total=3))
        urls = [f"http://127.0.0.{number}:{server.port}/" for number in range(1, 6)]
        for url in urls:
            await post(made, url)
        assert made.connections <= 4
        await turns_true(lambda: made.connections == 3)
        for url in urls[2:]:
            await post(made, url)
        assert server.connections == 5
        await post(made, urls[0])
        assert server.connections == 6


async def test_an_owner_with_many_origins_does_not_close_the_idle_connections_of_another(
    engine: MakeEngine,
) -> None:
    async with serving(answering(OK), host="0.0.0.0") as server:  # noqa: S104 - loopback has many addresses
        made, ended = engine(limits=PoolLimits(idle_total=16), timeouts=PATIENT), Ended()
        start(made, server.url, ended, owner="v")
        await ended.all(1)
        for number in range(1, 61):
            start(made, f"http://127.0.1.{number}:{server.port}/", ended, owner="a")
            await ended.all(1 + number)
        await turns_true(lambda: made.connections <= 16)
        start(made, server.url, ended, owner="v")
        await ended.all(62)
        assert server.connections == 61, "V's own connection was used again"


async def test_ten_thousand_origins_are_not_ten_thousand_connections(engine: MakeEngine) -> None:
    async with serving(answering(OK), host="0.0.0.0") as server:  # noqa: S104 - loopback has many addresses
        made, ended = engine(limits=PoolLimits(idle_total=16), timeouts=PATIENT), Ended()
        for number in range(300):
            start(made, f"http://127.1.{number // 250}.{number % 250 + 1}:{server.port}/", ended)
            if number % 50 == 49:
                await ended.all(number + 1)
        assert all(isinstance(result, Answer) for result in ended.results)
        await turns_true(lambda: made.connections == 16)
