"""Fixtures of the console's tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from console.browsers import chromium
from console.rig import Rig, rig


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A browser for the tests of a module; each test opens a context of its own.

    Playwright's event loop runs as long as the browser: tests of other modules need one of their
    own in the same process.
    """
    with chromium() as started:
        yield started


@pytest.fixture
def console(tmp_path: Path) -> Iterator[Rig]:
    """An installation without Kafka."""
    with rig(tmp_path) as made:
        yield made
