"""Limits of a client before the API reads its request."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from http.client import HTTPConnection

import pytest
from fastapi import FastAPI, Request

from plaudit.api.server import make_server
from plaudit.api.settings import ApiSettings

MOST = 40
LATE_S = 0.6


@pytest.fixture
def port() -> Iterator[int]:
    """A server that counts the bytes of bodies, with short time-outs and few connections."""
    app = FastAPI()

    @app.post("/")
    async def count(request: Request) -> int:
        return len(await request.body())

    @app.post("/early")
    async def early() -> str:
        return "read nothing"

    settings = ApiSettings(
        api_head_timeout=LATE_S, api_body_timeout=LATE_S, api_max_connections=MOST
    )
    server = make_server(app, settings)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=server.run, args=([listening],))
        thread.start()
        yield int(listening.getsockname()[1])
        server.should_exit = True
        thread.join(10)


def answer(port: int, *parts: bytes) -> bytes:
    """Send parts; return all that comes back."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as client:
        try:
            for part in parts:
                client.sendall(part)
        except ConnectionError:
            pass  # it was refused before its end
        found = b""
        while chunk := client.recv(65_536):
            found += chunk
    return found


def posted(port: int, body: bytes) -> bytes:
    """Send an ordinary request; return the answer's body."""
    connection = HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("POST", "/", body)
    found = connection.getresponse().read()
    connection.close()
    return found


POST = b"POST / HTTP/1.1\r\nhost: x\r\n"
BODY = POST + b"transfer-encoding: chunked\r\n\r\n"
CHUNKED = BODY + b"1\r\na\r\n0\r\n"
LINES = [b"x: yyyyyyyyyyyyyyyyyyyy\r\n" * 2_000] * 500

HOSTILE: dict[str, tuple[list[bytes], int]] = {
    "headers without end": ([POST, *LINES], 431),
    "a header without end": ([POST, b"x: ", *[b"y" * 50_000] * 500], 431),
    "a path without end": ([b"GET /", *[b"y" * 50_000] * 500], 431),
    "many headers": ([POST, b"x: y\r\n" * 200, b"\r\n"], 431),
    "trailers without end": ([CHUNKED, *LINES], 431),
    "a trailer without end": ([CHUNKED, b"x: ", *[b"y" * 50_000] * 500], 431),
    "chunks of one byte without end": ([BODY, *[b"1\r\nx\r\n" * 10_000] * 500], 400),
    "half a head": ([POST], 408),
    "nothing but line ends": ([b"\r\n"], 408),
    "half a body": ([POST, b"content-length: 9\r\n\r\nabc"], 408),
    "not HTTP": ([b"\x16\x03\x01\x02\x00\x01\r\n\r\n"], 400),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_it_is_refused_with_a_problem_document_and_closed(port: int, name: str) -> None:
    parts, status = HOSTILE[name]
    head, _, body = answer(port, *parts).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 %d " % status), head
    assert b"content-type: application/problem+json" in head
    assert json.loads(body)["status"] == status
    assert posted(port, b"abc") == b"3", "others are served"


def test_a_body_that_comes_slowly_but_steadily_is_read(port: int) -> None:
    size = 64 * 1024
    with socket.create_connection(("127.0.0.1", port), timeout=10) as client:
        client.sendall(POST + b"content-length: %d\r\n\r\n" % (4 * size))
        for _ in range(4):
            client.sendall(b"x" * size)
            time.sleep(LATE_S / 2)
        assert client.recv(12) == b"HTTP/1.1 200"


def test_a_body_without_end_is_not_read_once_its_request_is_answered(port: int) -> None:
    early = POST.replace(b"/", b"/early", 1) + b"transfer-encoding: chunked\r\n\r\n"
    chunk = b"10000\r\n" + b"x" * 65_536 + b"\r\n"
    found = answer(port, early, *[chunk] * 10_000)
    assert found.count(b"HTTP/1.1") == 1
    assert found.endswith(b'"read nothing"')


def test_a_small_body_that_is_not_read_leaves_the_connection_open(port: int) -> None:
    connection = HTTPConnection("127.0.0.1", port, timeout=10)
    for _ in range(3):
        connection.request("POST", "/early", b"x" * 10_000)
        assert connection.getresponse().read() == b'"read nothing"'
        assert connection.sock is not None
    connection.close()


def test_silent_connections_make_room_and_are_closed(port: int) -> None:
    with ExitStack() as stack:
        idle = [
            stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=10))
            for _ in range(MOST * 3)
        ]
        for each in idle[::2]:
            with suppress(ConnectionError):
                each.sendall(POST)
        assert [posted(port, b"x" * 100_000) for _ in range(10)] == [b"100000"] * 10
        began = time.monotonic()
        assert all(closed(each) for each in idle)
        assert time.monotonic() - began < 10 * LATE_S


def closed(client: socket.socket) -> bool:
    """Wait until the server has closed a connection."""
    try:
        while client.recv(4_096):
            pass
    except ConnectionError:
        pass
    return True


def test_requests_one_behind_the_other_are_answered_in_order(port: int) -> None:
    one = POST + b"content-length: 3\r\n\r\nabc"
    two = POST + b"content-length: 1\r\nconnection: close\r\n\r\nd"
    assert answer(port, one + two).count(b"HTTP/1.1 200") == 2
