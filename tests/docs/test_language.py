"""Words that the documentation and module docstrings do without.

Each pattern reads like a translation, or hides who acts. CONTRIBUTING.md, "Words", has the reasons.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

pytestmark = pytest.mark.tree

ROOT = Path(__file__).parents[2]
GENERATED: Final = {"reference.md", "events.md"}
"""Their words come from the code and the schemas."""
BANNED: Final = re.compile(
    r"\b(who(m)?ever|nobody|somebody|(is|are) told|tells of|bur(y|ies|ied)|be it|be they|by and by|"
    r"go(es)? on\b(?! (the|this|a)\b)|(is|are) none of|for want of|begins? anew|begun anew|"
    r"(?<!there )(is|are) no (?!longer\b|more than\b)|made again|so many|will disappoint|"
    r"wants? to be|of its own accord|cannot be meant|can't be meant)\b",
    re.IGNORECASE,
)
PORTIONS: Final = ("schemas", "producers", "consumers")
LEFT: Final = {
    "api": 1,
    "control": 1,
    "deliver": 8,
    "dlq": 2,
    "recorder": 2,
    "store": 3,
}
"""Module docstrings with such words, by package: may only shrink."""


def pages() -> list[Path]:
    """Return the pages that people write."""
    found = [*ROOT.glob("*.md"), *ROOT.glob("deploy/*.md"), *ROOT.glob("docs/**/*.md")]
    return sorted(page for page in found if page.name not in GENERATED)


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_a_page_uses_plain_words(page: Path) -> None:
    text = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)
    text = " ".join(text.split())
    assert [text[each.start() - 30 : each.end() + 20] for each in BANNED.finditer(text)] == []


def docstrings() -> Iterator[tuple[str, str]]:
    """Yield package and module docstring of every module."""
    for portion in PORTIONS:
        for path in sorted((ROOT / portion / "plaudit").rglob("*.py")):
            package = path.relative_to(ROOT / portion / "plaudit").parts[0]
            yield package, ast.get_docstring(ast.parse(path.read_bytes())) or ""


def test_module_docstrings_lose_such_words_and_gain_none() -> None:
    found = Counter(package for package, text in docstrings() if BANNED.search(text))
    assert {
        package: count for package, count in found.items() if count > LEFT.get(package, 0)
    } == {}


@pytest.mark.parametrize(
    "text", ["it is no UUID", "the caller is told", "Whoever reads", "goes on"]
)
def test_the_guard_finds(text: str) -> None:
    assert BANNED.search(text)
    assert not BANNED.search("It is no longer here, and goes on the list.")
