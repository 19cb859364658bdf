"""The commands of docs/quickstart.md run as they stand, and print what the page shows."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from pathlib import Path

import pytest

from e2e.rig import PLAUDIT, free_port
from plaudit.dev.kafka_docker import image
from plaudit.kafka.settings import KafkaSettings

pytestmark = [pytest.mark.tree, pytest.mark.broker]

PAGE = (Path(__file__).parents[2] / "docs" / "quickstart.md").read_text()
COMMANDS = re.findall(r"^```sh\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
SHOWN = re.findall(r"^```text\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
ELSEWHERE = ("make setup", "docker ")
"""Blocks whose work the tests' own environment and broker have done."""


def without_numbers(text: str) -> set[str]:
    """Return the lines of an output, with ids, times and counts replaced."""
    text = re.sub(r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", "ID", text)
    text = re.sub(r"\d+", "N", text)
    return {" ".join(line.split()) for line in text.splitlines() if line.strip()}


def test_the_commands_lead_to_a_verified_delivery(settings: KafkaSettings, tmp_path: Path) -> None:
    script = "".join(block for block in COMMANDS if not block.startswith(ELSEWHERE))
    script = script.replace("localhost:9092", settings.bootstrap_servers)
    script = script.replace("8500", str(free_port()))
    environment = {
        **os.environ,
        "PATH": f"{Path(PLAUDIT).parent}:{os.environ['PATH']}",
        "PLAUDIT_TOPIC_PREFIX": settings.topic_prefix,
        "PLAUDIT_RETRY_SCHEDULE": "5s",  # fewer topics to make
        "PLAUDIT_METRICS_PORT": "0",
    }
    with subprocess.Popen(
        ["/bin/bash", "-e", "-o", "pipefail", "-c", script],
        cwd=tmp_path,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as shell:
        try:
            printed, _ = shell.communicate(timeout=90)
        finally:
            _end(shell.pid)
    assert shell.returncode == 0, printed
    assert "(verified)" in printed
    printed = printed.replace(settings.topic_prefix, "plaudit.")
    for shown in SHOWN:
        assert without_numbers(shown) <= without_numbers(printed), printed


def _end(group: int) -> None:
    """Kill what is left of the script and the processes that it started."""
    try:
        os.killpg(group, signal.SIGKILL)
    except ProcessLookupError:
        return


def test_the_page_names_the_broker_that_the_tests_use() -> None:
    assert image() in PAGE
