"""Debezium's outbox event router, with the configuration of docs/producing.md."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from interop.toolchain import INSTALLED, tool
from plaudit.events.catalogue import CATALOGUE
from plaudit.events.decoding import EventDecoder
from plaudit.events.encoding import encode
from plaudit.events.examples import example

pytestmark = [pytest.mark.nightly, pytest.mark.timeout(120)]

JARS = INSTALLED / "java-debezium"
HERE = Path(__file__).parent
PAGE = (HERE.parents[1] / "docs" / "producing.md").read_text()
TYPE = CATALOGUE["testimonial.deleted"]


def properties() -> str:
    """Return the configuration of the page."""
    [found] = re.findall(r"^```properties\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    return str(found)


def run(folder: Path, *command: str) -> str:
    """Run a program in a folder; return what it prints."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def routed(folder: Path, columns: dict[str, str]) -> dict[str, bytes]:
    """Return what the router makes of a row: topic, key, value and headers."""
    compiler = tool("javac")
    if not JARS.exists():
        pytest.skip("the jars are not installed; `make interop` does so where Maven is")
    shutil.copy(HERE / "java" / "Router.java", folder)
    classes = f"{folder}:{JARS}/*"
    given = [f"{name}={value}" for name, value in columns.items()]
    run(folder, compiler, "-cp", classes, "Router.java")
    printed = run(folder, tool("java"), "-cp", classes, "Router", properties(), *given)
    lines = {what: text for what, _, text in map(_parted, printed.splitlines())}
    topic = lines.pop("topic")
    return {"topic": topic.encode(), **{what: bytes.fromhex(text) for what, text in lines.items()}}


def _parted(line: str) -> tuple[str, str, str]:
    return line.rpartition(" ")


def test_a_row_becomes_a_record_that_is_an_event(tmp_path: Path) -> None:
    event = example(TYPE.name)
    value = encode(event)
    decoded = EventDecoder().decode(value)
    made = routed(
        tmp_path,
        {
            "number": "7",
            "topic": "testimonials",
            "key": decoded.subject,
            "value": value.hex(),
            "ce_id": decoded.event_id,
            "ce_type": TYPE.name,
            "ce_source": "/services/moderation",
            "ce_time": "2026-11-24T16:00:00Z",
            "ce_specversion": "1.0",
            "content_type": "application/avro",
        },
    )
    assert made["topic"] == b"plaudit.testimonials"
    assert made["key"] == decoded.subject.encode()
    assert EventDecoder().decode(made["value"]).event_id == decoded.event_id
    headers = {name.removeprefix("header "): each for name, each in made.items() if " " in name}
    assert headers["ce_id"] == decoded.event_id.encode()
    assert headers["ce_subject"] == decoded.subject.encode()
    assert headers["ce_type"] == TYPE.name.encode()
    assert headers["content-type"] == b"application/avro"
    assert headers["ce_specversion"] == b"1.0"
