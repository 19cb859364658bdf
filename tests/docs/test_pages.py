"""Every page of the documentation is in the site's navigation, and every link leads somewhere."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from plaudit import outbox, publish
from plaudit.logs.catalogue import CATALOGUE
from plaudit.publish import testing
from plaudit.store.endpoints.notices import NoticeType

pytestmark = pytest.mark.tree

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted([*DOCS.rglob("*.md"), *ROOT.glob("*.md"), *ROOT.glob("deploy/*.md")])
LINK = re.compile(r"(?<!!)\[[^\]]*\]\((?!https?:)([^)#\s]*)(?:#([^)\s]+))?\)")


def test_every_page_is_in_the_navigation_of_the_site() -> None:
    named = set(re.findall(r"([\w/-]+\.md)$", (ROOT / "mkdocs.yml").read_text(), re.MULTILINE))
    assert {str(page.relative_to(DOCS)) for page in DOCS.rglob("*.md")} <= named


def anchors(page: Path) -> Iterator[str]:
    """Yield what a link may name behind `#`."""
    for heading in re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE):
        yield re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_of_a_page_leads_somewhere(page: Path) -> None:
    text = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)
    for target, anchor in LINK.findall(text):
        found = (page.parent / target).resolve() if target else page
        assert found.exists(), target
        assert not anchor or anchor in set(anchors(found)), f"{target}#{anchor}"


def test_every_metric_that_a_page_names_is_in_the_reference() -> None:
    known = set(re.findall(r"`(plaudit_\w+)`", (DOCS / "reference.md").read_text()))
    for page in DOCS.glob("*.md"):
        named = set(re.findall(r"`(plaudit_\w+)`", page.read_text()))
        assert named <= known, page.name


def test_every_log_event_that_a_page_names_is_in_the_reference() -> None:
    kinds = {event.partition(".")[0] for event in CATALOGUE}
    for page in PAGES:
        text = page.read_text().partition("### Renamed log events")[0]
        named = set(re.findall(r"`([a-z_]+\.[a-z_]+)`", text))
        of_ours = {name for name in named if name.partition(".")[0] in kinds}
        assert of_ours - set(CATALOGUE) - set(NoticeType) == set(), page.name
        assert page.name != "runbook.md" or len(of_ours) > 15


def test_every_module_that_the_architecture_names_exists() -> None:
    named = set(re.findall(r"`([a-z_]+/[a-z_/]+\.py)`", (DOCS / "architecture.md").read_text()))
    assert len(named) > 10
    homes = [ROOT / folder / "plaudit" for folder in ("schemas", "producers", "consumers")]
    missing = {name for name in named if not any((home / name).exists() for home in homes)}
    assert missing == set()


def test_the_architecture_names_who_may_import_the_store() -> None:
    layers = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    contract = next(each for each in layers["contracts"] if "plaudit.store" in str(each["layers"]))
    above = re.findall(r"plaudit\.(\w+)", str(contract["layers"]).partition("plaudit.store")[0])
    page = (DOCS / "architecture.md").read_text()
    row = page.partition("| Who may import `plaudit.store`? |")[2].partition("\n")[0]
    assert set(re.findall(r"`(\w+)`", row)) == set(above)


def test_the_glossary_has_at_most_25_terms_in_order() -> None:
    terms = re.findall(r"^\| ([a-z -]+) \|", (DOCS / "glossary.md").read_text(), re.MULTILINE)
    terms.remove("term")
    assert len(terms) <= 25
    assert terms == sorted(terms)


def test_the_readme_is_short_and_its_figures_are_those_of_the_benchmarks() -> None:
    readme = (ROOT / "README.md").read_text()
    assert readme.count("\n") <= 90
    table = readme.partition("## Measured")[2].partition("## ")[0]
    figures = re.findall(r"^\| ([^|]+) \| ([^|]+) \| `make", table, re.MULTILINE)
    assert len(figures) == 5
    measured = (DOCS / "benchmarks.md").read_text()
    assert [
        value for _, value in figures if not re.search(rf"\| {re.escape(value)} [|(]", measured)
    ] == []


def test_the_page_of_the_python_api_lists_the_public_names() -> None:
    page = (DOCS / "python-api.md").read_text()
    for module in (publish, outbox, testing):
        assert {name for name in module.__all__ if name not in page} == set()
