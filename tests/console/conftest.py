"""Fixtures of the console's tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from console.browsers import chromium
from console.rig import Rig, rig


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """A browser for all tests of a process; each test opens a context of its own."""
    with chromium() as started:
        yield started


@pytest.fixture
def console(tmp_path: Path) -> Iterator[Rig]:
    """An installation without Kafka."""
    with rig(tmp_path) as made:
        yield made
