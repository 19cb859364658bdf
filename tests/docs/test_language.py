"""Words that documentation, docstrings and messages do without.

Each pattern reads like a translation, or hides who acts. CONTRIBUTING.md, "Words", has the reasons.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Mapping
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
ELLIPTIC: Final = re.compile(
    r"^ +\w+: (of|that|for|whose|which|from|by|above|as) |\b(see above|our own code|be looked at|"
    r"(is|are) looked at|(takes?|taking) note|(takes?|taking) in\b(?! the)|lets? go|whose turn|"
    r"anew|as far as (it|that|possible)|all the same|once and for all|hears? (of|that|from))\b",
    re.MULTILINE | re.IGNORECASE,
)
"""Descriptions that leave out their noun, and phrases that stand for a technical verb."""
ELLIPSES_LEFT: Final[Mapping[str, int]] = {
    "console": 6,  # signing in with a provider is being written
}
"""Docstrings that do so, by package: may only shrink."""
PORTIONS: Final = ("schemas", "producers", "consumers")
NOUN_CLAUSE: Final = re.compile(r"(What|Who|Where|How|Why|When) ")
"""The first word of a docstring that describes a thing in place of naming it."""
CLAUSES_LEFT: Final[Mapping[str, int]] = {
    "events": 16,  # generated from the schemas, whose texts customers read
}
"""Docstrings that begin as a noun clause, by package: may only shrink."""

TESTS_LEFT: Final[Mapping[str, int]] = {
    "lab": 1,  # a list of attributes in which one is called buried
}
"""Docstrings of tests with worn words or a noun clause, by folder: may only shrink."""


def pages() -> list[Path]:
    """Return the pages that people write."""
    found = [*ROOT.glob("*.md"), *ROOT.glob("deploy/*.md"), *ROOT.glob("docs/**/*.md")]
    return sorted(page for page in found if page.name not in GENERATED)


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_a_page_uses_plain_words(page: Path) -> None:
    text = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)
    text = " ".join(text.split())
    assert [text[each.start() - 30 : each.end() + 20] for each in BANNED.finditer(text)] == []


def of_tests() -> Iterator[tuple[str, str]]:
    """Yield folder and text of every docstring of the tests."""
    for path in sorted((ROOT / "tests").rglob("*.py")):
        folder = path.relative_to(ROOT / "tests").parts[0]
        yield from ((folder, text) for text in documented(ast.parse(path.read_bytes())))


def documented(tree: ast.Module) -> Iterator[str]:
    """Yield the docstrings of a module."""
    kinds = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
    for node in ast.walk(tree):
        if isinstance(node, kinds) and (text := ast.get_docstring(node)):
            yield text


def modules() -> Iterator[tuple[str, ast.Module]]:
    """Yield package and syntax tree of every module."""
    for portion in PORTIONS:
        for path in sorted((ROOT / portion / "plaudit").rglob("*.py")):
            package = path.relative_to(ROOT / portion / "plaudit").parts[0]
            yield package, ast.parse(path.read_bytes())


def docstrings() -> Iterator[tuple[str, str]]:
    """Yield package and text of every docstring."""
    for package, tree in modules():
        yield from ((package, text) for text in documented(tree))


def messages() -> Iterator[tuple[str, str]]:
    """Yield package and text of every string that is not a docstring: messages, help, metrics."""
    for package, tree in modules():
        described = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        for node in ast.walk(tree):
            if not isinstance(node, ast.Constant) or id(node) in described:
                continue
            if isinstance(node.value, str):
                yield package, node.value


def over(found: Iterable[tuple[str, str]], left: Mapping[str, int]) -> dict[str, list[str]]:
    """Return the texts of packages that have more of them than are left."""
    by_package: dict[str, list[str]] = {}
    for package, text in found:
        by_package.setdefault(package, []).append(text)
    return {each: texts for each, texts in by_package.items() if len(texts) > left.get(each, 0)}


def test_docstrings_use_plain_words() -> None:
    assert over(((where, text) for where, text in docstrings() if BANNED.search(text)), {}) == {}


def test_docstrings_of_the_product_leave_out_no_noun() -> None:
    found = ((where, text) for where, text in docstrings() if ELLIPTIC.search(text))
    assert over(found, ELLIPSES_LEFT) == {}


def test_docstrings_name_a_thing() -> None:
    found = ((where, text) for where, text in docstrings() if NOUN_CLAUSE.match(text))
    assert over(found, CLAUSES_LEFT) == {}


def test_docstrings_of_tests_use_plain_words_and_name_a_thing() -> None:
    found = (
        (where, text)
        for where, text in of_tests()
        if BANNED.search(text) or NOUN_CLAUSE.match(text)
    )
    assert over(found, TESTS_LEFT) == {}


def test_messages_and_help_use_plain_words() -> None:
    assert over(((where, text) for where, text in messages() if BANNED.search(text)), {}) == {}


def test_names_of_tests_use_plain_words() -> None:
    found = [
        name
        for path in (ROOT / "tests").rglob("test_*.py")
        for name in re.findall(r"^(?:async )?def test_(\w+)", path.read_text(), re.MULTILINE)
        if BANNED.search(name.replace("_", " "))
    ]
    assert found == []


@pytest.mark.parametrize(
    "text", ["Args:\n    value: of the record.", "see above", "Take note of a failure."]
)
def test_the_guard_finds_a_missing_noun(text: str) -> None:
    assert ELLIPTIC.search(text)
    assert not ELLIPTIC.search("Args:\n    value: value of the record.")


@pytest.mark.parametrize(
    "text", ["it is no UUID", "the caller is told", "Whoever reads", "goes on"]
)
def test_the_guard_finds(text: str) -> None:
    assert BANNED.search(text)
    assert not BANNED.search("It is no longer here, and goes on the list.")
