"""Tools of other ecosystems, as `make interop` installs them."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

INSTALLED = Path(__file__).parents[2] / "build" / "interop"
"""Tools from package registries: Python's in `bin`, Node's in `node_modules/.bin`."""


def tool(name: str) -> str:
    """Return the path of a tool; skip the test where it is not installed."""
    for folder in (INSTALLED / "bin", INSTALLED / "node_modules" / ".bin"):
        if (found := folder / name).exists():
            return str(found)
    found_on_path = shutil.which(name)
    if found_on_path is None:
        pytest.skip(f"{name} is not installed; `make interop` installs what it can")
    return found_on_path
