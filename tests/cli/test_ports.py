"""Ports that are taken, and numbers with units."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
import typer

from command import CommandLine
from plaudit.cli.ui.ports import bound_socket
from plaudit.cli.ui.quantities import counted, retention_text
from plaudit.kafka.settings import KafkaSettings

NO_BROKER = KafkaSettings(bootstrap_servers="127.0.0.1:1")


def test_a_taken_port_is_refused_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    with bound_socket("--port", "127.0.0.1", 0) as first:
        port = first.getsockname()[1]
        with pytest.raises(typer.Exit) as left:
            bound_socket("PLAUDIT_API_PORT", "127.0.0.1", port)
    assert left.value.exit_code == 2
    assert capsys.readouterr().err == (
        f"plaudit: PLAUDIT_API_PORT: can't listen on 127.0.0.1:{port}: address already in use; "
        "choose another port\n"
    )


def test_a_process_listens_on_a_name_and_on_an_ipv6_address() -> None:
    with bound_socket("--port", "localhost", 0) as named:
        assert named.getsockname()[1]
    if socket.has_ipv6:
        with bound_socket("--port", "::1", 0) as numbered:
            assert numbered.family == socket.AF_INET6


@pytest.mark.parametrize(
    ("millis", "shown"),
    [
        (None, "unlimited"), ("-1", "unlimited"), ("604800000", "7 d"), ("612000000", "7 d 2 h"),
        ("604805000", "7 d 5 s"), ("3600000", "1 h"), ("5", "5 ms"),
    ],
)  # fmt: skip
def test_a_retention_is_shown_in_its_two_largest_units(millis: str | None, shown: str) -> None:
    assert retention_text(millis) == shown


def test_one_thing_is_not_several() -> None:
    assert (counted(1, "replica"), counted(12, "partition")) == ("1 replica", "12 partitions")


@pytest.mark.parametrize(
    "command",
    [
        ["dlq", "redrive", "--yes"],
        ["dlq", "purge", "--all", "--yes"],
        ["replay", "7d9f5c1e-52a4-4b0e-9a53-0c6d1f1f2a01", "--since", "1h", "--yes"],
    ],
)
def test_a_report_that_cannot_be_written_is_refused_first(
    command: list[str], tmp_path: Path
) -> None:
    refused = CommandLine(NO_BROKER)(*command, "--report", str(tmp_path / "none" / "r.json"))
    assert refused.code == 2
    assert "r.json: the folder does not exist" in refused.err
