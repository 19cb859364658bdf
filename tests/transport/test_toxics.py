"""Endpoints that are broken or hostile: each ends an exchange in time, by name, and leaves nothing.

That nothing is left (sockets, tasks) is asserted by the fixture that makes the senders.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import ssl
from collections.abc import Callable

import pytest
import trustme

from plaudit.transport import errors
from plaudit.transport.sender import Caps, Timeouts
from transport.conftest import Make
from transport.senders import OK, HangingNames, Names, post, serving_tls, trusting
from transport.server import Server, answering, serving
from transport.toxics import (
    BIG,
    HEAD,
    Reader,
    Toxic,
    Writer,
    after_request,
    close,
    deaf,
    endless,
    reset,
    reset_at_once,
    toxic,
    trickle,
)


@pytest.mark.parametrize(
    ("act", "failure"),
    [
        (reset_at_once, (errors.ConnectionLost, errors.WriteFailed, errors.ConnectFailed)),
        (after_request(then=reset), errors.ConnectionLost),
        (after_request(then=close), errors.ConnectionLost),
        (after_request(HEAD + b"content-le", then=reset), errors.ConnectionLost),
        (after_request(HEAD + b"content-length: 9\r\n\r\nhalf", then=reset), errors.ConnectionLost),
        (after_request(HEAD + b"content-length: 9\r\n\r\nhalf", then=close), errors.ConnectionLost),
        (
            after_request(HEAD + b"transfer-encoding: chunked\r\n\r\n5\r\nhal", then=close),
            errors.ConnectionLost,
        ),
        (trickle(HEAD, b"x: y\r\n"), errors.TotalTimeout),
        (trickle(b"H", b"T"), (errors.TotalTimeout, errors.AnswerMalformed)),
        (endless(HEAD, b"x: y\r\n" * 1_000), errors.AnswerMalformed),
        (endless(HEAD + b"x: ", b"y" * 4_096), errors.AnswerMalformed),
        (endless(b"", b"HTTP/1.1 103 Early Hints\r\nx: y\r\n\r\n" * 200), errors.AnswerMalformed),
        (after_request(HEAD + b"content-length: -1\r\n\r\n", then=close), errors.AnswerMalformed),
        (after_request(HEAD + b"content-length: ten\r\n\r\n", then=close), errors.AnswerMalformed),
        (
            after_request(HEAD + b"content-length: 1\r\ncontent-length: 2\r\n\r\nxy", then=close),
            errors.AnswerMalformed,
        ),
        (
            after_request(HEAD + b"transfer-encoding: chunked\r\n\r\nzz\r\n", then=close),
            errors.AnswerMalformed,
        ),
        (
            after_request(
                b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n",
                then=close,
            ),
            errors.AnswerMalformed,
        ),
    ],
    ids=[
        "reset at once",
        "reset before the answer",
        "close before the answer",
        "reset in the head",
        "reset in the body",
        "close in the body",
        "close in a chunk",
        "trickling head",
        "trickling nonsense",
        "endless headers",
        "endless header",
        "endless interim answers",
        "negative length",
        "length in words",
        "two lengths",
        "bad chunk",
        "another protocol",
    ],
)
async def test_a_broken_answer_has_its_error(
    make: Make, act: Toxic, failure: type[errors.TransportError]
) -> None:
    async with serving(toxic(act)) as server:
        with pytest.raises(failure) as failed:
            await post(make(), server.url)
    assert failed.value.timings.total_ms is not None


async def test_a_huge_answer_is_read_no_further_than_the_cap(make: Make) -> None:
    act = endless(HEAD + b"content-length: 10000000000\r\n\r\n", b"x" * 65_536)
    async with serving(toxic(act)) as server:
        answer = await post(make(), server.url)
    assert answer.truncated
    assert answer.snippet == b"x" * Caps().kept_bytes


async def test_an_unread_request_times_out_while_it_is_written(make: Make) -> None:
    timeouts = Timeouts(write_s=0.2, first_byte_s=5.0, total_s=5.0)
    async with serving(toxic(deaf)) as server:
        with pytest.raises(errors.WriteTimeout) as failed:
            await post(make(timeouts=timeouts), server.url, BIG)
    assert failed.value.sent


async def test_a_connection_that_breaks_while_writing_is_not_a_lost_answer(make: Make) -> None:
    async def act(_: Server, reader: Reader, writer: Writer) -> None:
        await reader.read(1_000)
        reset(writer)

    async with serving(toxic(act)) as server:
        with pytest.raises(errors.WriteFailed):
            await post(make(timeouts=Timeouts()), server.url, BIG)


async def dawdle(_: Server, reader: Reader, writer: Writer) -> None:
    """Begin a record of a handshake, and send it a byte at a time."""
    await reader.read(100)
    writer.write(b"\x16\x03\x03\x10\x00")
    while not writer.transport.is_closing():
        writer.write(b"\x02")
        await asyncio.sleep(0.02)


@pytest.mark.parametrize("act", [deaf, dawdle])
async def test_a_handshake_that_does_not_end_times_out(make: Make, act: Toxic) -> None:
    timeouts = Timeouts(tls_s=0.2)
    async with serving(toxic(act)) as server:
        with pytest.raises(errors.TlsTimeout) as failed:
            await post(make(timeouts=timeouts), f"https://127.0.0.1:{server.port}/")
    assert not failed.value.sent


@pytest.mark.parametrize("end", [reset, close])
async def test_a_handshake_that_is_cut_is_a_tls_failure(
    make: Make, end: Callable[[Writer], None]
) -> None:
    async def act(_: Server, reader: Reader, writer: Writer) -> None:
        await reader.read(100)
        end(writer)

    async with serving(toxic(act)) as server:
        with pytest.raises(errors.TlsFailed):
            await post(make(), f"https://127.0.0.1:{server.port}/")


def expired(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    yesterday = dt.datetime.now(dt.UTC) - dt.timedelta(days=1)
    authority.issue_cert("hooks.example", not_after=yesterday).configure_cert(context)
    return context


def self_signed(_: trustme.CA) -> ssl.SSLContext:
    return serving_tls(trustme.CA(), "hooks.example")


def mismatched(authority: trustme.CA) -> ssl.SSLContext:
    return serving_tls(authority, "hooks.example.evil.example")


def outdated(authority: trustme.CA) -> ssl.SSLContext:
    context = serving_tls(authority, "hooks.example")
    context.set_ciphers("DEFAULT@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="TLSv1"):
        context.minimum_version = ssl.TLSVersion.TLSv1
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    return context


@pytest.mark.parametrize("server_tls", [expired, self_signed, mismatched, outdated])
async def test_a_server_with_a_wrong_certificate_receives_nothing(
    make: Make, authority: trustme.CA, server_tls: Callable[[trustme.CA], ssl.SSLContext]
) -> None:
    async with serving(answering(OK), server_tls(authority)) as server:
        sender = make(tls=trusting(authority), resolver=Names.to("127.0.0.1"))
        with pytest.raises(errors.TlsFailed) as failed:
            await post(sender, f"https://hooks.example:{server.port}/")
        assert not failed.value.sent
        assert not server.requests


async def test_an_endpoint_that_has_only_ipv6_is_reached(make: Make) -> None:
    async with serving(answering(OK), host="::1") as server:
        sender = make(resolver=Names.to("::1"))
        assert (await post(sender, f"http://hooks.example:{server.port}/")).status == 200
        assert (await post(sender, f"http://[::1]:{server.port}/")).status == 200


async def test_an_address_that_does_not_answer_gives_way_to_the_next(make: Make) -> None:
    async with serving(answering(OK)) as server:
        sender = make(resolver=Names.to("::1 127.0.0.1"))
        assert (await post(sender, f"http://hooks.example:{server.port}/")).status == 200


async def test_a_look_up_that_hangs_times_out(make: Make) -> None:
    sender = make(resolver=HangingNames(), timeouts=Timeouts(dns_s=0.2))
    with pytest.raises(errors.DnsTimeout) as failed:
        await post(sender, "https://hooks.example/")
    assert not failed.value.sent


async def test_a_rebound_name_is_checked_at_every_connect(make: Make) -> None:
    async with serving(answering(OK, close=True)) as server:
        names = Names.to("127.0.0.1", "127.0.0.1 10.0.0.1", "127.0.0.1")
        sender, url = make(resolver=names), f"http://hooks.example:{server.port}/"
        assert (await post(sender, url)).status == 200
        with pytest.raises(errors.AddressRefused) as refused:
            await post(sender, url)
        assert not refused.value.literal
        assert (await post(sender, url)).status == 200
        assert len(names.asked) == 3, (
            "one look-up for each connect: what is checked is connected to"
        )
