"""A command that is stopped while it starts ends in order, however early."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Mapping

import pytest

from e2e.rig import Rig, free_port

SOON_S = 60.0
PROGRAM = """
import os, signal, sys

class Stopping:
    def find_spec(self, name, path=None, target=None):
        if name == MODULE:
            os.kill(os.getpid(), SIGNAL)

sys.meta_path.insert(0, Stopping())
from plaudit.cli.main import main
main()
"""
"""Sends itself a signal when a module is about to be imported, and goes on."""


def stopped(
    command: str,
    module: str,
    number: signal.Signals,
    environment: Mapping[str, str] | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run a command that gets a signal at that point."""
    program = PROGRAM.replace("MODULE", repr(module)).replace("SIGNAL", str(int(number)))
    return subprocess.run(
        [sys.executable, "-c", program, *command.split()],
        env=environment,
        capture_output=True,
        text=True,
        timeout=SOON_S,
        check=False,
    )


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize(
    ("command", "module"),
    [
        ("deliver", "typer"),
        ("deliver", "uvloop"),
        ("record", "plaudit.cli.commands.record"),
        ("serve", "uvicorn"),
        ("listen", "uvicorn"),
        ("outbox relay", "typer"),
        ("outbox relay", "confluent_kafka"),
        ("outbox relay --poll 1", "plaudit.outbox.service"),
    ],
)
def test_a_long_running_command_exits_0_when_it_is_stopped_early(
    command: str, module: str, number: signal.Signals
) -> None:
    ended = stopped(command, module, number)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)], ids=["term", "int"]
)
@pytest.mark.parametrize(
    ("command", "module"), [("status", "confluent_kafka"), ("import x.csv", "rich")]
)
def test_a_finite_job_reports_that_it_was_stopped(
    command: str, module: str, number: signal.Signals, code: int
) -> None:
    ended = stopped(command, module, number)
    assert (ended.returncode, ended.stdout, ended.stderr) == (code, "", "")


@pytest.mark.broker
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_server_is_stopped_between_its_parts_and_its_loop(
    rig: Rig, number: signal.Signals
) -> None:
    """Uvicorn minds signals from when its loop runs; the relay has begun before."""
    environment = {**rig.environment, "PLAUDIT_API_PORT": str(free_port())}
    ended = stopped("serve", "uvicorn.loops.auto", number, environment)
    assert ended.returncode == 0, ended.stderr
    assert "Traceback" not in ended.stderr
