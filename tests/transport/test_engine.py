"""What the engine does beyond the contract: callbacks, pools, TLS sessions, its end."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from typing import Any

import httpx
import pytest
import trustme

from plaudit.transport import errors
from plaudit.transport.addresses import check_url
from plaudit.transport.answer import Answer
from plaudit.transport.engine import Engine
from plaudit.transport.head import header_lines, request_prefix
from plaudit.transport.sender import Caps, PoolLimits, Started, Timeouts
from plaudit.transport.tls import ClientCertificate
from plaudit.transport.under_httpx import EngineTransport
from transport.conftest import MakeEngine
from transport.senders import (
    BODY,
    HEADERS,
    OK,
    PATIENT,
    HangingNames,
    Names,
    post,
    serving_tls,
    trusting,
)
from transport.server import Script, Server, answering, serving

HELD = PoolLimits(per_origin=1)
BIG = b"x" * 8_000_000


class Ended:
    """Takes the ends of exchanges, in their order."""

    def __init__(self) -> None:
        self.results: list[Answer | errors.TransportError] = []
        self._more = asyncio.Event()

    def __call__(self, result: Answer | errors.TransportError) -> None:
        self.results.append(result)
        self._more.set()

    async def all(self, count: int) -> list[Answer | errors.TransportError]:
        """Wait for so many."""
        while len(self.results) < count:
            self._more.clear()
            await self._more.wait()
        return self.results


def start(engine: Engine, url: str, ended: Any, lines: bytes = b"", body: bytes = BODY) -> Started:
    target = check_url(url)
    return engine.start(target, request_prefix(target), lines, body, ended)


def silent(server: Server) -> Script:
    """Read requests and never answer."""

    async def follow(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        while await server.request(reader):
            pass

    return follow


async def test_prefix_lines_length_and_body_go_out_as_they_are(engine: MakeEngine) -> None:
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


async def test_a_refusal_is_told_after_start_has_returned(engine: MakeEngine) -> None:
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


async def test_a_place_that_is_given_up_goes_to_the_one_that_waits_longest(
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


async def test_what_a_caller_raises_harms_no_one_else(engine: MakeEngine) -> None:
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


async def test_the_end_of_the_engine_is_the_end_of_all_its_exchanges(engine: MakeEngine) -> None:
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
    async with serving(answering(OK, OK[:9], close=False)) as server:
        made = engine(timeouts=Timeouts(total_s=0.3))
        await post(made, server.url)
        with pytest.raises(errors.TotalTimeout):
            await post(made, server.url)
        assert len(server.requests) == 2


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


async def test_what_comes_unasked_closes_an_idle_connection(engine: MakeEngine) -> None:
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
        await until(lambda: made.connections == 0)


async def until(reached: Callable[[], bool]) -> None:
    """Wait for what the other side's packets bring about."""
    for _ in range(1_000):
        if reached():
            return
        await asyncio.sleep(0.005)
    assert reached()


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
async def test_what_is_in_no_body_and_no_head_has_an_end_too(
    engine: MakeEngine, part: bytes
) -> None:
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


async def test_idle_connections_are_closed_after_a_while_and_not_before(
    engine: MakeEngine,
) -> None:
    async with serving(answering(OK)) as server:
        made = engine(limits=PoolLimits(idle_s=0.3))
        await post(made, server.url)
        began = asyncio.get_running_loop().time()
        await until(lambda: made.connections == 0)
        assert asyncio.get_running_loop().time() - began >= 0.29
        await post(made, server.url)
        assert server.connections == 2


async def test_a_connection_that_is_too_old_is_not_used_again(engine: MakeEngine) -> None:
    async with serving(answering(OK)) as server:
        made = engine(limits=PoolLimits(age_s=0.0))
        for _ in range(3):
            await post(made, server.url)
        assert server.connections == 3


async def test_over_all_origins_the_longest_idle_go_first(engine: MakeEngine) -> None:
    async with serving(answering(OK), host="0.0.0.0") as server:  # noqa: S104 - loopback has many addresses
        made = engine(limits=PoolLimits(idle_total=3))
        urls = [f"http://127.0.0.{number}:{server.port}/" for number in range(1, 6)]
        for url in urls:
            await post(made, url)
        assert made.connections <= 4
        await until(lambda: made.connections == 3)
        for url in urls[2:]:
            await post(made, url)
        assert server.connections == 5
        await post(made, urls[0])
        assert server.connections == 6


async def test_the_next_connection_resumes_the_tls_session(
    engine: MakeEngine, authority: trustme.CA
) -> None:
    context = serving_tls(authority, "127.0.0.1")
    async with serving(answering(OK, close=True), context) as server:
        made = engine(tls=trusting(authority))
        for _ in range(3):
            await post(made, f"https://127.0.0.1:{server.port}/")
        assert server.connections == 3
    assert context.session_stats()["hits"] == 2


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_a_client_certificate_is_shown_to_those_who_ask(
    engine: MakeEngine, authority: trustme.CA, tmp_path: Any, version: ssl.TLSVersion
) -> None:
    context = serving_tls(authority, "127.0.0.1")
    authority.configure_trust(context)
    context.verify_mode = ssl.CERT_REQUIRED
    context.maximum_version = version
    issued, chain = authority.issue_cert("client.example"), tmp_path / "client.pem"
    issued.private_key_and_cert_chain_pem.write_to_path(chain)
    ours = trusting(authority)
    async with serving(answering(OK), context) as server:
        url = f"https://127.0.0.1:{server.port}/"
        with pytest.raises((errors.TlsFailed, errors.ConnectionLost)):
            await post(engine(tls=ours), url)
        ClientCertificate(chain).load_into(ours)
        assert (await post(engine(tls=ours), url)).status == 200


async def test_httpx_can_be_used_on_top(engine: MakeEngine) -> None:
    async with serving(answering(OK)) as server:
        transport = EngineTransport(engine())
        async with httpx.AsyncClient(transport=transport) as client:
            answer = await client.post(server.url, content=BODY, headers=list(HEADERS))
            assert (answer.status_code, answer.text) == (200, "ok")
            assert server.requests[0].endswith(BODY)


@pytest.mark.parametrize(
    ("url", "failure"),
    [
        ("http://10.0.0.1/", httpx.ConnectError),
        ("http://127.0.0.1:1/", httpx.ConnectError),
        ("http://user:secret@127.0.0.1/", httpx.UnsupportedProtocol),
    ],
)
async def test_httpx_sees_errors_of_its_own_kind(
    engine: MakeEngine, url: str, failure: type[httpx.TransportError]
) -> None:
    async with httpx.AsyncClient(transport=EngineTransport(engine())) as client:
        with pytest.raises(failure):
            await client.post(url)


async def test_httpx_gets_no_part_of_an_answer_as_if_it_were_all(engine: MakeEngine) -> None:
    async with serving(answering(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")) as server:
        transport = EngineTransport(engine(caps=Caps(kept_bytes=1)))
        async with httpx.AsyncClient(transport=transport) as client:
            with pytest.raises(httpx.ReadError):
                await client.post(server.url)


async def test_an_answer_to_head_is_a_head(engine: MakeEngine) -> None:
    headed = b"HTTP/1.1 200 OK\r\ncontent-length: 999\r\n\r\n"
    async with serving(answering(headed)) as server:
        made, target = engine(), check_url(server.url)
        answer = await made.post(target, (), b"", b"HEAD")
        assert (answer.status, answer.snippet) == (200, b"")


async def test_ten_thousand_origins_are_not_ten_thousand_connections(engine: MakeEngine) -> None:
    async with serving(answering(OK), host="0.0.0.0") as server:  # noqa: S104 - loopback has many addresses
        made, ended = engine(limits=PoolLimits(idle_total=16), timeouts=PATIENT), Ended()
        for number in range(300):
            start(made, f"http://127.1.{number // 250}.{number % 250 + 1}:{server.port}/", ended)
            if number % 50 == 49:
                await ended.all(number + 1)
        assert all(isinstance(result, Answer) for result in ended.results)
        await until(lambda: made.connections == 16)


async def test_names_are_resolved_for_the_engine_to_connect(engine: MakeEngine) -> None:
    async with serving(answering(OK)) as server:
        made = engine(resolver=Names.to("127.0.0.1"))
        await post(made, f"http://hooks.example:{server.port}/")
        assert server.requests[0].partition(b"host: ")[2].startswith(b"hooks.example:")
