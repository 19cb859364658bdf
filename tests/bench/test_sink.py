"""The sink: what it counts is the truth that everything else is measured by."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from bench.certificate import write_certificate
from bench.children import ChildFailed, Sink
from bench.machine import available_cores
from bench.sink import DEAF, DRIPS, RESETS

HEAD = "POST {path} HTTP/1.1\r\nhost: x\r\nWebhook-Id: {mark}\r\ncontent-length: 2\r\n\r\n"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("sink")


@pytest.fixture(scope="module")
def sink(folder: Path) -> Iterator[Sink]:
    chain = write_certificate(folder)
    with Sink(available_cores(), folder, record=True, chain=chain) as running:
        yield running


def connect(sink: Sink, host: str = "127.0.0.1", *, tls: bool = False) -> socket.socket:
    port = int(sink.url("", tls=tls).rpartition(":")[2])
    return socket.create_connection((host, port), timeout=10)


def post(connection: socket.socket, path: str, mark: str = "m") -> None:
    connection.sendall(HEAD.format(path=path, mark=mark).encode() + b"{}")


def test_it_answers_every_request_and_counts_by_path(sink: Sink) -> None:
    before = sink.reading()
    with closing(connect(sink)) as connection:
        for path in ("/a", "/b", "/a"):
            post(connection, path)
            assert connection.recv(1_000).startswith(b"HTTP/1.1 200 OK\r\n")
    after = sink.reading()
    assert after.arrived - before.arrived == after.answered - before.answered == 3
    assert {path: sink.paths()[path] for path in ("/a", "/b")} == {"/a": 2, "/b": 1}


def test_a_request_in_pieces_arrives_once_when_it_is_complete(sink: Sink) -> None:
    whole = HEAD.format(path="/pieces", mark="m").encode() + b"{}"
    with closing(connect(sink, "127.3.2.1")) as connection:
        for number in range(len(whole) - 1):
            connection.sendall(whole[number : number + 1])
        assert sink.paths().get("/pieces", 0) == 0
        connection.sendall(whole[-1:])
        assert connection.recv(1_000)
    assert sink.paths()["/pieces"] == 1


def test_a_path_that_hangs_counts_arrivals_and_answers_none(sink: Sink) -> None:
    sink.hang("/hangs")
    before = sink.reading()
    with closing(connect(sink)) as hung, closing(connect(sink)) as other:
        post(hung, "/hangs")
        post(other, "/fine")
        assert other.recv(1_000)
        while sink.paths().get("/hangs", 0) == 0:
            pass
        after = sink.reading()
        assert after.arrived - before.arrived == 2
        assert after.answered - before.answered == 1
        assert after.connections >= 2


def test_a_late_answer_is_never_early(sink: Sink) -> None:
    sink.delay("/late", 0.1)
    with closing(connect(sink)) as connection:
        began = time.monotonic()
        post(connection, "/late")
        assert connection.recv(1_000)
        assert time.monotonic() - began >= 0.1


def test_arrivals_have_id_path_and_time_on_the_clock_of_all_processes(sink: Sink) -> None:
    began = time.monotonic_ns()
    with closing(connect(sink)) as connection:
        post(connection, "/recorded", "id-1")
        assert connection.recv(1_000)
    [arrival] = [each for each in sink.arrivals() if each.path == "/recorded"]
    assert arrival.event_id == "id-1"
    assert began < arrival.at_ns < time.monotonic_ns()


def test_the_same_delivery_answered_again_is_counted_as_repeated_and_another_is_not(
    sink: Sink,
) -> None:
    before = sink.reading()
    with closing(connect(sink)) as connection:
        for path, mark in (("/once", "e1"), ("/twice", "e1"), ("/twice", "e2"), ("/twice", "e1")):
            post(connection, path, mark)
            assert connection.recv(1_000)
    after = sink.reading()
    assert after.answered - before.answered == 4
    assert after.repeated - before.repeated == 1


def test_invalid_requests_are_counted_apart(sink: Sink) -> None:
    before = sink.reading()
    with closing(connect(sink)) as connection:
        connection.sendall(b"nonsense\r\n\r\n")
        assert connection.recv(1_000) == b""
    after = sink.reading()
    assert after.malformed == before.malformed + 1
    assert after.arrived == before.arrived


def test_clients_that_trust_its_certificate_connect_with_tls(sink: Sink, folder: Path) -> None:
    context = ssl.create_default_context(cafile=str(folder / "sink.pem"))
    with (
        closing(connect(sink, tls=True)) as plain,
        context.wrap_socket(plain, server_hostname="127.0.0.1") as connection,
    ):
        connection.sendall(HEAD.format(path="/tls", mark="m").encode() + b"{}")
        assert connection.recv(1_000).startswith(b"HTTP/1.1 200")


def test_an_unknown_order_ends_it_with_the_reason(tmp_path: Path) -> None:
    with Sink(available_cores(), tmp_path) as running, pytest.raises(ChildFailed, match="no such"):
        running.ask("dance")


def test_an_answer_drips_a_byte_at_a_time(sink: Sink) -> None:
    sink.delay("/drips", DRIPS)
    with closing(connect(sink)) as connection:
        post(connection, "/drips")
        assert connection.recv(1_000) == b"H"
        assert connection.recv(1_000) == b"T"


def test_a_request_is_reset(sink: Sink) -> None:
    sink.delay("/resets", RESETS)
    with closing(connect(sink)) as connection:
        post(connection, "/resets")
        with pytest.raises(ConnectionResetError):
            connection.recv(1_000)


def test_a_deaf_path_reads_one_request_and_no_more(sink: Sink) -> None:
    sink.delay("/deaf", DEAF)
    with closing(connect(sink)) as connection, closing(connect(sink)) as other:
        post(connection, "/deaf")
        post(other, "/ears")
        assert other.recv(1_000)
        while not sink.paths().get("/deaf"):
            time.sleep(0.01)
        post(connection, "/deaf")
        post(other, "/ears")
        assert other.recv(1_000)
        assert sink.paths()["/deaf"] == 1
