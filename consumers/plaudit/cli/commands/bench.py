"""`plaudit bench`: the benchmark, which only the source tree contains."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Final

from plaudit.cli.ui.output import Exit, fail

TESTS: Final = Path(__file__).parents[4] / "tests"


def elsewhere() -> None:
    """Measure this machine: a worker against plain loops. Needs the source tree."""
    fail(
        "the benchmark is part of the source archive, not of this package; run "
        f"`pip download --no-deps --no-binary :all: plaudit=={version('plaudit')}`, unpack it, and "
        "there `make bench`",
        Exit.USAGE,
    )


def find(tests: Path) -> Callable[..., None]:
    """Return the benchmark's command; outside a source tree, one that says where to get it.

    Args:
        tests: folder of the tests, if this is a source tree.
    """
    if not (tests / "bench" / "command.py").exists():
        return elsewhere
    if str(tests) not in sys.path:
        sys.path.append(str(tests))
    found: Callable[..., None] = importlib.import_module("bench.command").command
    return found


command: Final = find(TESTS)
