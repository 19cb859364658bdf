"""Logs: the chosen level, JSON or text, without the libraries' chatter and without escape codes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.metadata import version
from typing import Any, Final

import pytest

from plaudit.events.avro.build_kind import form

SCRIPT: Final = """
import logging
from plaudit.runtime.logging import configure_logs
configure_logs({worker!r})
log = logging.getLogger("plaudit.test")
log.debug("a detail")
log.info("news", extra={{"count": 3}})
logging.getLogger("uvicorn.error").info("started", extra={{"color_message": "\x1b[36mstarted"}})
logging.getLogger("httpx").info("HTTP Request")
logging.getLogger("uvicorn.error").warning("too many")
logging.getLogger("alembic.runtime.plugins").info("setup plugin")
logging.getLogger("plaudit.deliver").info("delivery.attempted", extra={{"outcome": "delivered"}})
try:
    raise ValueError("odd")
except ValueError:
    log.exception("it raised")
"""


BARE: Final = {"PYTHONPATH": os.environ.get("PYTHONPATH", "")}
"""An environment without settings."""


def lines(worker: str | None = None, **environment: str) -> list[str]:
    """Return what a process logs with these settings."""
    run = [sys.executable, "-c", SCRIPT.format(worker=worker)]
    done = subprocess.run(
        run, capture_output=True, text=True, check=True, env={**BARE, **environment}
    )
    assert done.stderr == ""
    assert "\x1b" not in done.stdout
    return done.stdout.splitlines()


def read(found: list[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in found]


def test_by_default_news_is_logged_as_json_and_no_library_chatters() -> None:
    started, news, warned, attempt, error = read(lines())
    assert started["event"] == "process.started"
    assert (started["version"], started["form"]) == (version("plaudit"), form())
    assert warned["event"] == "too many"
    assert (news["event"], news["level"], news["count"]) == ("news", "info", 3)
    assert (attempt["event"], attempt["outcome"]) == ("delivery.attempted", "delivered")
    assert error["level"] == "error"
    assert "ValueError: odd" in error["exception"]
    assert "worker" not in news


def test_every_line_names_its_worker() -> None:
    assert {each["worker"] for each in read(lines("host:7"))} == {"host:7"}


@pytest.mark.parametrize(
    ("level", "events"),
    [
        ("debug", {"a detail", "news", "started", "HTTP Request", "setup plugin"}),
        ("warning", set()),
    ],
)
def test_the_level_chooses_lines(level: str, events: set[str]) -> None:
    found = {each["event"] for each in read(lines(PLAUDIT_LOG_LEVEL=level))}
    assert found - {"process.started", "it raised", "too many", "delivery.attempted"} == events
    assert ("process.started" in found) == (level == "debug")
    assert ("delivery.attempted" in found) == (level == "debug")


def test_text_is_for_people_to_read() -> None:
    found = lines("host:7", PLAUDIT_LOG_FORMAT="text")
    assert not found[1].startswith("{")
    assert "news" in found[1]
    assert "[plaudit.test]" in found[1]
    assert "count=3" in found[1]
    assert "worker=host:7" in found[1]
    assert "color_message" not in "".join(found)
    assert found[-1] == "ValueError: odd"


def test_lines_of_json_load_no_library_for_terminals() -> None:
    script = "import sys, plaudit.deliver.worker, plaudit.runtime.logging as l; l.configure_logs()"
    run = [sys.executable, "-c", f"{script}; sys.exit('rich' in sys.modules)"]
    subprocess.run(run, check=True, stdout=subprocess.DEVNULL, env=BARE)


def test_a_setting_that_can_not_be_used_is_named() -> None:
    script = "from plaudit.cli.main import main; main()"
    run = [sys.executable, "-c", script, "record"]
    done = subprocess.run(
        run, capture_output=True, text=True, check=False, env={**BARE, "PLAUDIT_LOG_LEVEL": "loud"}
    )
    assert done.returncode == 2
    assert "PLAUDIT_LOG_LEVEL" in done.stderr
    assert "Traceback" not in done.stderr
