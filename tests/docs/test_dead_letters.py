"""The page for operators has a line for every reason that a dead letter can have."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import typer

from plaudit.cli.registry import build
from plaudit.deliver.model import decision as decide
from plaudit.deliver.model.decision import Reason
from plaudit.deliver.pipeline import decode
from plaudit.deliver.pipeline import deliveries as deliveries_lane
from plaudit.deliver.settle import records as moves
from plaudit.dlq.job.rules import Skip
from plaudit.events import decoding

pytestmark = pytest.mark.tree

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "dead-letters.md").read_text()


def source(module: object) -> str:
    path = getattr(module, "__file__", None)
    assert isinstance(path, str)
    return Path(path).read_text()


def given_up() -> set[str]:
    """Return the reasons for which deliveries are given up, as the code has them."""
    text = "".join(source(each) for each in (decide, deliveries_lane, moves))
    names = set(re.findall(r"(?:Dead\(|str\()Reason\.([A-Z_]+)", text))
    assert {"EXHAUSTED", "GONE", "WRITE_REFUSED", "WRONG_WORKSPACE"} <= names
    return {str(Reason[name]) for name in names}


def unreadable() -> set[str]:
    """Return the reasons for which a record is not an event."""
    text = source(decoding) + source(decode) + source(deliveries_lane)
    found = re.findall(r'(?:reason = |Undecodable\(|DeadRecord\()"([a-z_]+)"', text)
    assert {"unknown_format", "headers_unusable"} <= set(found)
    return set(found)


@pytest.mark.parametrize("reason", sorted(given_up() | unreadable() | set(Skip)))
def test_every_reason_has_its_line(reason: str) -> None:
    rows = [line.split("|")[1] for line in PAGE.splitlines() if line.startswith("|")]
    assert any(f"`{reason}`" in row for row in rows)


def options() -> set[str]:
    """Return the options of the commands that the page is about."""
    found: set[str] = set()
    for name in ("dlq", "replay", "endpoints"):
        every: Any = typer.main.get_command(build([name]))
        group = every.commands[name]
        for command in [group, *getattr(group, "commands", {}).values()]:
            for given in command.params:
                found |= {*given.opts, *given.secondary_opts}
    return found


def test_every_option_that_the_page_names_exists() -> None:
    named = set(re.findall(r"(?<![\w-])--[a-z]+(?:-[a-z]+)*", PAGE))
    assert len(named) > 20
    assert named <= options()
