"""Through a forward proxy: tunnels to checked addresses, and credentials that stay hidden."""

from __future__ import annotations

import asyncio
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import trustme

from plaudit.transport import errors
from plaudit.transport.net.proxy import Proxy
from plaudit.transport.sender import Timeouts
from transport.conftest import Make
from transport.senders import OK, Names, post, serving_tls, trusting
from transport.server import Script, Server, answering, serving

OPEN = b"HTTP/1.1 200 Connection established\r\n\r\n"
TUNNELS = (b"HTTP/1.1 200 ", b"HTTP/1.0 200 ")


@asynccontextmanager
async def proxying(to: Server, *answers: bytes) -> AsyncIterator[Server]:
    """Run a proxy that answers one CONNECT after the other; tunnels all lead to one server."""

    def script(proxy: Server) -> Script:
        async def follow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            head = await reader.readuntil(b"\r\n\r\n")
            proxy.requests.append(head)
            answer = answers[min(len(proxy.requests), len(answers)) - 1]
            writer.write(answer)
            await writer.drain()
            if answer.startswith(TUNNELS) and answer.endswith((b"\r\n\r\n", b"\n\n")):
                await tunnel(reader, writer, to.port)

        return follow

    async with serving(script) as server:
        yield server


async def tunnel(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, port: int) -> None:
    """Copy both ways until one side ends."""
    far_reader, far_writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        ways = [
            asyncio.create_task(copy(reader, far_writer)),
            asyncio.create_task(copy(far_reader, writer)),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
    finally:
        far_writer.close()


async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65_536):
        writer.write(data)
        await writer.drain()


def through(proxy: Server, *, resolves: bool = False) -> Proxy:
    return Proxy.parse(f"http://user:pa%20ss@127.0.0.1:{proxy.port}", resolves=resolves)


async def test_a_name_is_looked_up_here_and_the_proxy_receives_its_address(
    make: Make, authority: trustme.CA
) -> None:
    context = serving_tls(authority, "hooks.example")
    async with serving(answering(OK), context) as server, proxying(server, OPEN) as proxy:
        names = Names.to("127.0.0.7")
        sender = make(proxy=through(proxy), tls=trusting(authority), resolver=names)
        for _ in range(2):
            answer = await post(sender, f"https://hooks.example:{server.port}/")
            assert answer.status == 200
        [connect] = proxy.requests
        place = b"127.0.0.7:%d" % server.port
        credentials = b64encode(b"user:pa ss")
        assert connect == (
            b"CONNECT %b HTTP/1.1\r\nhost: %b\r\nproxy-authorization: Basic %b\r\n\r\n"
            % (place, place, credentials)
        )
        assert b"proxy-authorization" not in server.requests[0]
        assert names.asked == ["hooks.example"]


async def test_a_proxy_that_resolves_receives_the_name(make: Make) -> None:
    async with serving(answering(OK)) as server, proxying(server, OPEN) as proxy:
        names = Names.to("10.0.0.1")
        sender = make(proxy=through(proxy, resolves=True), resolver=names)
        assert (await post(sender, f"http://hooks.example:{server.port}/")).status == 200
        assert proxy.requests[0].startswith(b"CONNECT hooks.example:%d " % server.port)
        assert names.asked == []


@pytest.mark.parametrize("resolves", [False, True])
async def test_a_private_address_is_refused_before_the_proxy_is_asked(
    make: Make, *, resolves: bool
) -> None:
    async with serving(answering(OK)) as server, proxying(server, OPEN) as proxy:
        sender = make(proxy=through(proxy, resolves=resolves), resolver=Names.to("10.0.0.1"))
        with pytest.raises(errors.AddressRefused):
            await post(sender, "http://10.0.0.1/")
        if not resolves:
            with pytest.raises(errors.AddressRefused):
                await post(sender, "https://hooks.example/")
        assert not proxy.requests


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n",
        b"HTTP/1.1 502 Bad Gateway\r\n\r\n",
        b"HTTP/1.1 200 Connection established\r\n",
        b"SSH-2.0-OpenSSH_9.9\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nx: " + b"y" * 20_000,
        OPEN + b"spoken before it was asked",
        b"",
    ],
    ids=["407", "502", "cut", "no HTTP", "endless", "too much", "nothing"],
)
async def test_a_proxy_that_opens_no_tunnel_is_named(make: Make, answer: bytes) -> None:
    async with serving(answering(OK)) as server, proxying(server, answer) as proxy:
        with pytest.raises(errors.ProxyRefused) as refused:
            await post(make(proxy=through(proxy)), server.url)
    assert not refused.value.sent
    assert f"127.0.0.1:{proxy.port}" in str(refused.value)
    for secret in ("pa ss", "pa%20ss", b64encode(b"user:pa ss").decode()):
        assert secret not in str(refused.value)


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nvia: 1.1 a,\r\n 1.1 b\r\n\r\n",
        b"HTTP/1.0 200 OK\nproxy-agent: old\n\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\nx[1]: y\r\n\r\n",
    ],
    ids=["folded", "line feeds alone", "a length, which means nothing here"],
)
async def test_a_proxys_answer_is_read_as_other_clients_read_it(make: Make, answer: bytes) -> None:
    async with serving(answering(OK)) as server, proxying(server, answer) as proxy:
        assert (await post(make(proxy=through(proxy)), server.url)).status == 200


async def test_the_error_text_of_a_proxy_is_printable(make: Make) -> None:
    answer = b"HTTP/1.1 502 \x1b]0;title\x07\r\n\r\n"
    async with serving(answering(OK)) as server, proxying(server, answer) as proxy:
        with pytest.raises(errors.ProxyRefused) as refused:
            await post(make(proxy=through(proxy)), server.url)
    assert str(refused.value).isprintable()


async def test_an_address_that_the_proxy_cannot_reach_is_followed_by_the_next(make: Make) -> None:
    unreachable = b"HTTP/1.1 502 Bad Gateway\r\n\r\n"
    async with serving(answering(OK)) as server, proxying(server, unreachable, OPEN) as proxy:
        sender = make(proxy=through(proxy), resolver=Names.to("127.0.0.8 127.0.0.9"))
        assert (await post(sender, f"http://hooks.example:{server.port}/")).status == 200
        assert [head.split()[1].split(b":")[0] for head in proxy.requests] == [
            b"127.0.0.8",
            b"127.0.0.9",
        ]


def mute(_: Server) -> Script:
    async def follow(_: asyncio.StreamReader, __: asyncio.StreamWriter) -> None:
        await asyncio.Event().wait()

    return follow


async def test_a_proxy_that_hangs_times_out(make: Make) -> None:
    async with serving(mute) as proxy:
        sender = make(proxy=through(proxy), timeouts=Timeouts(connect_s=0.2))
        with pytest.raises(errors.ConnectTimeout) as failed:
            await post(sender, "http://127.0.0.1:9/")
    assert failed.value.timings.connect_ms is not None


@pytest.mark.parametrize(
    "url",
    [
        "https://proxy.example:3128",
        "socks5://proxy.example:1080",
        "http://user:sesame@proxy.example:3128/path",
        "http://user:sesame",
        "http://user:sesame@[proxy",
        "proxy.example:3128",
        "http://",
    ],
)
def test_an_invalid_proxy_url_is_refused_without_quoting_it(url: str) -> None:
    with pytest.raises(errors.UrlRefused) as refused:
        Proxy.parse(url)
    assert "sesame" not in refused.value.reason


def test_the_credentials_of_a_proxy_are_never_printed() -> None:
    proxy = Proxy.parse("http://user:sesame@proxy.example:3128")
    assert proxy.authorization
    for text in (str(proxy), repr(proxy)):
        assert "sesame" not in text
        assert b64encode(b"user:sesame").decode() not in text
