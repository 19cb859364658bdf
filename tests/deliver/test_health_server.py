"""The port for probes and scrapes: many at once, whatever some of them do."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from http.client import HTTPConnection

import pytest
from prometheus_client import CollectorRegistry, Counter

from plaudit.runtime import ops_server as serving
from plaudit.runtime.ops_server import MOST_WAITING, HealthServer


class Subject:
    """A process that is not ready yet."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        Counter("plaudit_things", "Things.", registry=self.registry).inc(3)

    def stuck(self) -> list[str]:
        return []

    def unready(self) -> list[str]:
        return ["not yet"]


@pytest.fixture
def port() -> Iterator[int]:
    server = HealthServer(Subject(), "127.0.0.1", 0)
    yield server.port
    server.close()


def asked(port: int, path: str, method: str = "GET") -> tuple[int, bytes]:
    """Send one request; return its status and body."""
    connection = HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request(method, path)
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer.status, body


def raw(port: int, sent: bytes) -> bytes:
    """Send bytes; return all that comes back."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as client:
        client.sendall(sent)
        found = b""
        while chunk := client.recv(65_536):
            found += chunk
    return found


def test_each_path_has_its_own_answer(port: int) -> None:
    status, metrics = asked(port, "/metrics")
    assert (status, b"plaudit_things_total 3.0" in metrics) == (200, True)
    assert asked(port, "/healthz")[0] == 200
    assert asked(port, "/readyz") == (503, b'{"ok": false, "problems": ["not yet"]}\n')
    assert asked(port, "/metrics/")[0] == asked(port, "/")[0] == 404
    assert asked(port, "/metrics", "HEAD") == (200, b"")
    assert asked(port, "/healthz", "POST")[0] == 405


def test_silent_connections_do_not_delay_others(port: int) -> None:
    with ExitStack() as stack:
        idle = [
            stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=10))
            for _ in range(MOST_WAITING + 40)
        ]
        began = time.monotonic()
        assert [asked(port, "/healthz")[0] for _ in range(20)] == [200] * 20
        assert time.monotonic() - began < serving.HEAD_S, "no answer waits for an idle connection"
        assert gone(idle[0]), "the one that waited longest made room"
        idle[-1].sendall(b"GET /healthz HTTP/1.1\r\n\r\n")
        assert idle[-1].recv(12) == b"HTTP/1.1 200"


def gone(client: socket.socket) -> bool:
    """Return whether the server has closed a connection before its time."""
    client.settimeout(serving.HEAD_S / 2)
    try:
        return client.recv(1) == b""
    except ConnectionError:
        return True


def test_half_a_request_is_closed_in_time(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "HEAD_S", 0.2)
    assert raw(port, b"GET /healthz HTTP/1.1\r\n") == b""


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"GET /healthz HTTP/1.1\r\nx: " + b"y" * 20_000, b"431"),
        (b"\xff\xfe\x00\r\n\r\n", b"400"),
        (b"GET /healthz\r\n\r\n", b"400"),
        (b"BREW /healthz HTTP/1.1\r\n\r\n", b"405"),
    ],
)
def test_bytes_that_are_not_a_request_are_refused(port: int, sent: bytes, status: bytes) -> None:
    assert raw(port, sent).startswith(b"HTTP/1.1 " + status)
