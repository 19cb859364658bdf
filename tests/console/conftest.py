"""Fixtures of the console's tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from console.rig import Rig, rig


@pytest.fixture
def console(tmp_path: Path) -> Iterator[Rig]:
    """An installation without Kafka."""
    with rig(tmp_path) as made:
        yield made
