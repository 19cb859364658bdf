"""Early reports of brokers that can't be used, on real sockets that are not brokers."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from plaudit.cli.endpoints.unknown_endpoints import count_unknown
from plaudit.control.broker_reach import servers_of, unreachable
from plaudit.kafka.settings import KafkaSettings


@contextmanager
def listening(answer: bytes | None) -> Iterator[str]:
    """A server that answers everything with the same bytes, or is silent; yields its address."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        kept: list[socket.socket] = []

        def serve() -> None:
            while True:
                try:
                    client, _ = server.accept()
                except OSError:
                    return
                kept.append(client)
                if answer is not None and client.recv(4_096):
                    client.sendall(answer)

        threading.Thread(target=serve, daemon=True).start()
        yield f"127.0.0.1:{server.getsockname()[1]}"
        server.shutdown(socket.SHUT_RDWR)
        for each in kept:
            each.close()


def test_an_http_server_in_place_of_a_broker_is_named() -> None:
    with listening(b"HTTP/1.1 400 Bad Request\r\n\r\n") as address:
        said = unreachable(KafkaSettings(bootstrap_servers=address))
    assert said == (
        f"Kafka is unreachable: an HTTP server answers at {address}. Check KAFKA_BOOTSTRAP_SERVERS"
    )


def test_brokers_are_named_whichever_variable_lists_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PLAUDIT_KAFKA_BOOTSTRAP_SERVERS", "one:9092, two:9092")
    assert servers_of(KafkaSettings()) == ["one:9092", "two:9092"]


def test_a_silent_server_is_named_and_not_waited_for() -> None:
    with listening(None) as address:
        said = unreachable(KafkaSettings(bootstrap_servers=address), 0.1)
    assert said == (
        f"Kafka does not answer: {address} accepts connections, and has sent nothing for 0.1 s. "
        "Check KAFKA_BOOTSTRAP_SERVERS; for a busy broker, add --timeout 15s"
    )


def test_a_silent_database_is_named_and_not_waited_for(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("psycopg")
    with listening(None) as address:
        monkeypatch.setenv("PLAUDIT_DATABASE_URL", f"postgresql://plaudit@{address}/plaudit")
        assert count_unknown(KafkaSettings(bootstrap_servers="127.0.0.1:1")) is None
    assert "no answer from PLAUDIT_DATABASE_URL within 0.5 s" in capsys.readouterr().err


def test_a_refused_connection_is_reported_before_slow_imports() -> None:
    slow = ("httpx", "sqlalchemy", "fastavro", "plaudit.kafka.admin.client")
    program = (
        "import sys; from plaudit.cli.main import main\n"
        "try: main()\n"
        f"finally: print([each for each in {slow!r} if each in sys.modules])"
    )
    environment = {"KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1"}
    done = subprocess.run(
        [sys.executable, "-c", program, "status"],
        env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert "Kafka is unreachable: 127.0.0.1:1: connection refused" in done.stderr
    assert done.stdout.strip() == "[]"
