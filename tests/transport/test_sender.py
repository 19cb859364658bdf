"""The contract of every sender, on real sockets; each test scripts the other side."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
import trustme

from plaudit.transport import errors
from plaudit.transport.addresses import check_url
from plaudit.transport.sender import Caps, PoolLimits, Sender
from transport.senders import BODY, OK, PATIENT, Names, post, serving_tls, trusting
from transport.server import Script, Server, answering, serving

Make = Callable[..., Sender]
CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"


async def test_a_request_contains_exactly_what_the_caller_set(make: Make) -> None:
    async with serving(answering(OK)) as server:
        answer = await post(make(), server.url)
        assert (answer.status, answer.snippet, answer.truncated) == (200, b"ok", False)
        assert answer.timings.connect_ms is not None
        assert answer.timings.total_ms is not None
        [request] = server.requests
    head, _, body = request.partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    assert lines[0] == b"POST /hook HTTP/1.1"
    names = {line.partition(b":")[0].lower() for line in lines[1:]}
    assert names == {b"host", b"webhook-id", b"content-type", b"content-length"}
    assert body == BODY
    assert answer.bytes_sent == len(request)


async def test_a_connection_is_kept_and_used_again(make: Make) -> None:
    async with serving(answering(OK)) as server:
        sender = make()
        await post(sender, server.url)
        answer = await post(sender, server.url)
        assert server.connections == 1
        assert answer.timings.connect_ms is None


async def test_a_closed_kept_connection_is_replaced_silently(make: Make) -> None:
    async with serving(answering(OK, close=True)) as server:
        sender = make()
        for _ in range(3):
            assert (await post(sender, server.url)).status == 200
        assert server.connections == 3


async def test_a_kept_connection_that_dies_is_tried_again_once(
    make: Make,
) -> None:
    def script(server: Server) -> Script:
        async def follow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await server.request(reader)
            writer.write(OK)
            if server.connections > 1:
                await server.request(reader)
                return
            # The second request on the first connection is read and never answered.
            await server.request(reader)

        return follow

    async with serving(script) as server:
        sender = make()
        assert (await post(sender, server.url)).status == 200
        assert (await post(sender, server.url)).status == 200
        assert len(server.requests) == 3


async def test_a_redirect_is_an_answer_and_not_followed(make: Make) -> None:
    moved = b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n"
    async with serving(answering(moved)) as server:
        answer = await post(make(), server.url)
    assert answer.status == 302
    assert ("location", "http://127.0.0.1:1/") in answer.headers


async def test_interim_answers_are_passed_over(make: Make) -> None:
    interim = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n"
    async with serving(answering(interim + OK)) as server:
        assert (await post(make(), server.url)).status == 200


@pytest.mark.parametrize(
    ("answer", "body"),
    [
        (CHUNKED + b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", b"abcde"),
        (b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nto the end", b"to the end"),
        (b"HTTP/1.0 200 OK\r\n\r\nold", b"old"),
        (b"HTTP/1.1 204 No Content\r\n\r\n", b""),
    ],
    ids=["chunked", "close", "1.0", "204"],
)
async def test_a_body_ends_where_http_says(make: Make, answer: bytes, body: bytes) -> None:
    async with serving(answering(answer, close=True)) as server:
        assert (await post(make(), server.url)).snippet == body


async def test_an_endless_body_is_cut_off_and_counts_as_read(make: Make) -> None:
    def script(server: Server) -> Script:
        async def follow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await server.request(reader)
            writer.write(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n")
            while True:
                writer.write(b"x" * 65_536)
                await writer.drain()

        return follow

    async with serving(script) as server:
        answer = await post(make(), server.url)
    assert answer.status == 200
    assert answer.truncated
    assert len(answer.snippet) == Caps().kept_bytes


HEAD_WITHOUT_END = b"HTTP/1.1 200 OK\r\n" + b"x: " + b"y" * 70_000


@pytest.mark.parametrize(
    ("answers", "failure"),
    [
        (b"SSH-2.0-OpenSSH_9.9\r\n\r\n", errors.AnswerMalformed),
        (HEAD_WITHOUT_END, errors.AnswerMalformed),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nshort", errors.ConnectionLost),
        (b"HTTP/1.1 200", errors.ConnectionLost),
    ],
    ids=["not http", "huge head", "cut body", "cut head"],
)
async def test_an_invalid_answer_is_named(
    make: Make, answers: bytes, failure: type[errors.TransportError]
) -> None:
    async with serving(answering(answers, close=True)) as server:
        with pytest.raises(failure) as failed:
            await post(make(), server.url)
    assert failed.value.sent


def waiting(before: bytes = b"", *, trickle: bool = False) -> Callable[[Server], Script]:
    """Return a script that sends a start and then hangs, or sends a byte now and then."""

    def script(server: Server) -> Script:
        async def follow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await server.request(reader)
            writer.write(before)
            while trickle:
                writer.write(b"x")
                await asyncio.sleep(0.05)
            await asyncio.Event().wait()

        return follow

    return script


@pytest.mark.parametrize(
    ("script", "failure"),
    [
        (waiting(), errors.FirstByteTimeout),
        (waiting(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf"), errors.TotalTimeout),
        (
            waiting(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n", trickle=True),
            errors.TotalTimeout,
        ),
    ],
    ids=["before the answer", "in the middle", "trickling"],
)
async def test_an_answer_that_does_not_come_in_time_ends_the_exchange(
    make: Make, script: Callable[[Server], Script], failure: type[errors.TransportError]
) -> None:
    async with serving(script) as server:
        with pytest.raises(failure) as failed:
            await post(make(), server.url)
    assert failed.value.sent
    assert failed.value.timings.total_ms is not None


async def test_a_refused_connection_means_that_nothing_was_sent(make: Make) -> None:
    with pytest.raises(errors.ConnectFailed) as failed:
        await post(make(), "http://127.0.0.1:1/")
    assert not failed.value.sent
    assert str(failed.value) == "could not connect: 127.0.0.1 port 1: connection refused"


async def test_a_literal_private_address_is_refused_before_anything_happens(make: Make) -> None:
    with pytest.raises(errors.AddressRefused) as refused:
        await post(make(), "http://10.1.2.3/")
    assert refused.value.literal


async def test_a_name_that_leads_to_a_private_address_is_refused_after_the_look_up(
    make: Make,
) -> None:
    sender = make(resolver=Names.to("93.184.216.34 10.0.0.1"))
    with pytest.raises(errors.AddressRefused) as refused:
        await post(sender, "https://rebound.example/")
    assert not refused.value.literal
    assert refused.value.address == "10.0.0.1"
    assert str(refused.value) == "address refused: rebound.example: private network"


async def test_plain_http_is_refused_where_no_network_allows_it(make: Make) -> None:
    with pytest.raises(errors.AddressRefused):
        await post(make(resolver=Names.to("93.184.216.34")), "http://public.example/")


async def test_https_works_for_a_name_in_the_certificate(make: Make, authority: trustme.CA) -> None:
    async with serving(answering(OK), serving_tls(authority, "hooks.example")) as server:
        sender = make(tls=trusting(authority), resolver=Names.to("127.0.0.1"))
        url = f"https://hooks.example:{server.port}/hook"
        answer = await post(sender, url)
        assert answer.status == 200
        assert answer.timings.tls_ms is not None
        assert (await post(sender, url)).timings.tls_ms is None


@pytest.mark.parametrize("trusted", [True, False], ids=["another name", "another authority"])
async def test_a_mismatched_certificate_fails_before_anything_is_sent(
    make: Make, authority: trustme.CA, *, trusted: bool
) -> None:
    name = "other.example" if trusted else "hooks.example"
    async with serving(answering(OK), serving_tls(authority, name)) as server:
        tls = trusting(authority) if trusted else None
        sender = make(tls=tls, resolver=Names.to("127.0.0.1"))
        with pytest.raises(errors.TlsFailed) as failed:
            await post(sender, f"https://hooks.example:{server.port}/")
        assert not failed.value.sent
        assert not server.requests


def plain(_: Server) -> Script:
    """Answer at once, in plain HTTP."""

    async def follow(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await writer.drain()

    return follow


async def test_plain_http_on_the_port_is_a_tls_failure(make: Make) -> None:
    async with serving(plain) as server:
        with pytest.raises(errors.TlsFailed):
            await post(make(), f"https://127.0.0.1:{server.port}/")


async def test_headers_that_are_the_transports_are_refused(make: Make) -> None:
    with pytest.raises(errors.RequestInvalid):
        await make().post(check_url("http://127.0.0.1:1/"), ((b"Host", b"x"),), b"")


async def test_hanging_requests_to_one_origin_do_not_keep_another_from_answering(
    make: Make,
) -> None:
    async with serving(waiting()) as hanging, serving(answering(OK)) as healthy:
        sender = make(timeouts=PATIENT, limits=PoolLimits(per_origin=8))
        stuck = [asyncio.create_task(post(sender, hanging.url)) for _ in range(100)]
        await hanging.wait_for(8)
        answers = [await post(sender, healthy.url) for _ in range(20)]
        assert {answer.status for answer in answers} == {200}
        assert not any(task.done() for task in stuck)
        assert hanging.connections == 8, "more than the limit wait"
        for task in stuck:
            task.cancel()
        await asyncio.gather(*stuck, return_exceptions=True)
        # Their slots are free again: cancelled requests leak nothing.
        again = asyncio.create_task(post(sender, hanging.url))
        await hanging.wait_for(9)
        again.cancel()
        await asyncio.gather(again, return_exceptions=True)
