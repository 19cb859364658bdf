"""The pages that are written from the code say what the code says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from plaudit.cli.docs.asyncapi import asyncapi
from plaudit.cli.docs.env_example import env_example
from plaudit.cli.docs.reference import reference
from plaudit.cli.registry import COMMANDS
from plaudit.dev.kafka_jars import kafka_version
from plaudit.events.docs.document import document

pytestmark = pytest.mark.tree

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("page", "written", "command"),
    [
        ("reference.md", reference, "python -m plaudit.cli.docs.reference > docs/reference.md"),
        ("plaudit.env", env_example, "python -m plaudit.cli.docs.env_example > docs/plaudit.env"),
        ("events.md", document, "plaudit schemas docs --file docs/events.md"),
        ("asyncapi.json", asyncapi, "plaudit schemas docs --asyncapi --file docs/asyncapi.json"),
    ],
)
def test_a_generated_page_is_current(page: str, written: object, command: str) -> None:
    assert callable(written)
    assert (ROOT / "docs" / page).read_text() == written(), f"run: {command}"


def test_every_command_that_a_page_names_exists() -> None:
    pages = [ROOT / "README.md", *ROOT.glob("docs/*.md"), *ROOT.glob("deploy/*.md")]
    for page in pages:
        for name in re.findall(r"`plaudit ([a-z]+)", page.read_text()):
            assert name in COMMANDS, f"{page.name}: plaudit {name}"


@pytest.mark.parametrize("file", ["deploy/compose.yaml", "docs/quickstart.md"])
def test_the_kafka_that_people_start_is_the_kafka_of_the_tests(file: str) -> None:
    found = re.findall(r"apache/kafka:([\w.]+)", (ROOT / file).read_text())
    assert set(found) == {kafka_version()}


def test_every_setting_in_the_compose_file_exists() -> None:
    named = set(re.findall(r"\b(PLAUDIT_[A-Z_]+)", (ROOT / "deploy" / "compose.yaml").read_text()))
    assert named
    known = set(re.findall(r"`(PLAUDIT_[A-Z_]+)`", reference()))
    assert named <= known
