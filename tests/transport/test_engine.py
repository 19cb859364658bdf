"""The engine by callbacks: what goes out, how exchanges end, and how the engine does."""

from __future__ import annotations

import asyncio
import gc
import weakref
from typing import Any

import pytest
import trustme

from plaudit.transport import errors
from plaudit.transport.addresses import check_url
from plaudit.transport.answer import Answer
from plaudit.transport.request_head import header_lines, request_prefix
from plaudit.transport.sender import PoolLimits, Timeouts
from transport.callbacks import Ended, start
from transport.conftest import MakeEngine
from transport.senders import (
    OK,
    PATIENT,
    HangingNames,
    Names,
    post,
    serving_tls,
    trusting,
)
from transport.server import Script, Server, answering, serving, silent
from waiting import turns_true

HELD = PoolLimits(per_origin=1)
BIG = b"x" * 8_000_000


async def test_prefix_lines_length_and_body_are_sent_unchanged(engine: MakeEngine) -> None:
    async with serving(answering(OK)) as server:
        target, ended = check_url(server.url), Ended()
        prefix = request_prefix(target, [(b"user-agent", b"test")])
        engine().start(target, prefix, header_lines([(b"webhook-id", b"7")]), b"{}", ended)
        assert not ended.results, "never before start returns"
        [answer] = await ended.all(1)
        assert isinstance(answer, Answer)
        expected = (
            b"POST /hook HTTP/1.1\r\nhost: 127.0.0.1:%d\r\nuser-agent: test\r\n"
            b"webhook-id: 7\r\ncontent-length: 2\r\n\r\n{}"
        ) % server.port
        assert server.requests == [expected]
        assert answer.bytes_sent == len(expected)


async def test_a_refusal_is_reported_after_start_has_returned(engine: MakeEngine) -> None:
    ended = Ended()
    start(engine(), "http://10.0.0.1/", ended)
    assert not ended.results
    [refused] = await ended.all(1)
    assert isinstance(refused, errors.AddressRefused)


@pytest.mark.parametrize("stage", ["on the wire", "waiting", "connecting"])
async def test_an_exchange_that_is_cancelled_ends_at_once_and_only_then(
    engine: MakeEngine, stage: str
) -> None:
    async with serving(silent) as server:
        made, ended = engine(limits=HELD, timeouts=PATIENT), Ended()
        exchange = start(made, server.url, ended)
        if stage != "connecting":
            await server.wait_for(1)
        if stage == "waiting":
            exchange = start(made, server.url, ended)
            assert exchange.phase == "wait"
        error = errors.TotalTimeout(phase=exchange.phase, sent=exchange.sent)
        exchange.cancel(error)
        assert ended.results == [error]
        assert error.sent == (stage == "on the wire")
        assert error.timings.total_ms is not None
        exchange.cancel(errors.ConnectionLost())
        assert ended.results == [error], "what is over stays as it ended"


async def test_a_freed_slot_serves_the_one_that_has_waited_longest(
    engine: MakeEngine,
) -> None:
    async with serving(silent) as server:
        made, ended = engine(limits=HELD, timeouts=PATIENT), Ended()
        exchanges = [
            start(made, server.url, ended, header_lines([(b"n", b"%d" % number)]))
            for number in range(5)
        ]
        exchanges[2].cancel(errors.ConnectionLost())
        for served, number in enumerate((0, 1, 3, 4), 1):
            await server.wait_for(served)
            assert b"n: %d\r\n" % number in server.requests[-1]
            exchanges[number].cancel(errors.ConnectionLost())
        assert len(ended.results) == 5


async def test_cancelling_an_exchange_cancels_its_tasks(engine: MakeEngine) -> None:
    patient = Timeouts(dns_s=3_600.0, total_s=3_600.0)
    made, ended = engine(resolver=HangingNames(), timeouts=patient), Ended()
    before = len(asyncio.all_tasks())
    exchange = start(made, "https://never.example/", ended)
    await turns_true(lambda: exchange.phase == "dns")
    exchange.cancel(errors.ConnectionLost())
    await turns_true(lambda: len(asyncio.all_tasks()) == before)


async def test_an_ended_exchange_is_kept_nowhere(engine: MakeEngine) -> None:
    async with serving(answering(OK)) as server:
        made, ended = engine(timeouts=PATIENT), Ended()
        start(made, server.url, ended)
        await ended.all(1)
        kept = weakref.ref(ended)
        del ended
        gc.collect()
        assert kept() is None


async def test_whenever_an_exchange_is_cancelled_its_place_is_free_again(
    engine: MakeEngine, authority: trustme.CA
) -> None:
    async with (
        serving(answering(OK, close=True)) as plain,
        serving(answering(OK, close=True), serving_tls(authority, "127.0.0.1")) as secure,
    ):
        made = engine(limits=HELD, timeouts=PATIENT, tls=trusting(authority))
        for url in (plain.url, secure.url.replace("http:", "https:")):
            for steps in range(25):
                ended = Ended()
                exchange = start(made, url, ended)
                for _ in range(steps):
                    await asyncio.sleep(0)
                exchange.cancel(errors.ConnectionLost())
                assert len(ended.results) == 1
                assert (await post(made, url)).status == 200
                assert made.connections <= 1


async def test_an_exception_of_one_caller_harms_no_other(engine: MakeEngine) -> None:
    reported: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: reported.append(context))

    def broken(_: object) -> None:
        msg = "a caller's fault"
        raise RuntimeError(msg)

    async with serving(answering(OK)) as server:
        made, ended = engine(limits=HELD), Ended()
        start(made, server.url, broken)
        start(made, server.url, ended)
        [answer] = await ended.all(1)
        assert isinstance(answer, Answer)
        assert server.connections == 1
    assert [str(context["exception"]) for context in reported] == ["a caller's fault"]


async def test_closing_the_engine_ends_all_its_exchanges(engine: MakeEngine) -> None:
    async with serving(silent) as server, serving(answering(OK)) as healthy:
        made, ended = engine(limits=HELD, timeouts=PATIENT, resolver=HangingNames()), Ended()
        await post(made, healthy.url)
        start(made, server.url, ended)
        await server.wait_for(1)
        start(made, server.url, ended)
        start(made, "http://never.example/", ended)
        await made.aclose()
        assert made.connections == 0
        assert [type(result) for result in ended.results] == [errors.ConnectionLost] * 3
        sent = [
            result.sent for result in ended.results if isinstance(result, errors.ConnectionLost)
        ]
        assert sorted(sent) == [False, False, True]
        with pytest.raises(RuntimeError):
            start(made, server.url, ended)


async def test_an_answer_that_comes_before_the_request_is_written_counts(
    engine: MakeEngine,
) -> None:
    def script(_: Server) -> Script:
        async def follow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read(1_000)
            writer.write(b"HTTP/1.1 413 Too Large\r\ncontent-length: 0\r\n\r\n")
            await asyncio.Event().wait()

        return follow

    async with serving(script) as server:
        made = engine(timeouts=Timeouts())
        assert (await post(made, server.url, BIG)).status == 413
        assert (await post(made, server.url, BIG)).status == 413
        assert server.connections == 2, "what was not written spoils the connection"


async def test_a_large_request_arrives_whole(engine: MakeEngine, authority: trustme.CA) -> None:
    async with (
        serving(answering(OK)) as plain,
        serving(answering(OK), serving_tls(authority, "127.0.0.1")) as secure,
    ):
        made = engine(timeouts=PATIENT, tls=trusting(authority))
        for server, scheme in ((plain, "http"), (secure, "https")):
            for _ in range(2):
                await post(made, f"{scheme}://127.0.0.1:{server.port}/", BIG)
            assert [request.endswith(BIG) for request in server.requests] == [True, True]
            assert server.connections == 1


@pytest.mark.parametrize(
    "part",
    [b"1\r\nx\r\n" * 1_000, b"1;" + b"y" * 8_192, b"0\r\nt: " + b"z" * 8_192],
    ids=["tiny chunks", "a chunk extension", "a trailer"],
)
async def test_bytes_outside_of_head_and_body_are_limited(engine: MakeEngine, part: bytes) -> None:
    first, _, rest = part.partition(b"y") if b"y" in part else part.partition(b"z")

    def script(server: Server) -> Script:
        async def follow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await server.request(reader)
            writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n" + first)
            while True:
                writer.write(rest or part)
                await writer.drain()

        return follow

    async with serving(script) as server:
        made = engine(timeouts=PATIENT)
        if rest:
            with pytest.raises(errors.AnswerMalformed):
                await post(made, server.url)
        else:
            assert (await post(made, server.url)).truncated


async def test_an_answer_to_head_is_a_head(engine: MakeEngine) -> None:
    headed = b"HTTP/1.1 200 OK\r\ncontent-length: 999\r\n\r\n"
    async with serving(answering(headed)) as server:
        made, target = engine(), check_url(server.url)
        answer = await made.post(target, (), b"", b"HEAD")
        assert (answer.status, answer.snippet) == (200, b"")


async def test_names_are_resolved_for_the_engine_to_connect(engine: MakeEngine) -> None:
    async with serving(answering(OK)) as server:
        made = engine(resolver=Names.to("127.0.0.1"))
        await post(made, f"http://hooks.example:{server.port}/")
        assert server.requests[0].partition(b"host: ")[2].startswith(b"hooks.example:")
