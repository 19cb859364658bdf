"""The threat model names tests that exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

pytestmark = pytest.mark.tree

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "SECURITY.md").read_text()


def test_every_kind_of_attack_has_a_test_that_exists() -> None:
    table = TEXT.partition("## Kinds of attack and their tests")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (?!kind|---)(.+?) \| (.+) \|$", table, re.MULTILINE)
    assert len(rows) >= 30
    for kind, tests in rows:
        named = re.findall(r"`([\w/]+\.py)::(test_\w+)`", tests)
        assert named, kind
        for file, name in named:
            text = (ROOT / "tests" / file).read_text()
            assert re.search(rf"^(async )?def {name}\(", text, re.MULTILINE), f"{file}::{name}"


def test_every_actor_names_files_that_exist() -> None:
    table = TEXT.partition("Tests that show it")[2].partition("\n## ")[0]
    named = re.findall(r"`([\w/]+\.py)`", table)
    assert named
    assert [each for each in named if not (ROOT / "tests" / each).is_file()] == []
