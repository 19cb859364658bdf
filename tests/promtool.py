"""`promtool`, where it is installed."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest


def promtool(*arguments: str | Path, text: str = "") -> str:
    """Run `promtool`; return what it says, empty if it finds nothing wrong.

    It comes with Debian's package `prometheus`; without it, the test is skipped.
    """
    program = shutil.which("promtool")
    if program is None:
        pytest.skip("promtool is not installed (Debian: prometheus)")
    done = subprocess.run(
        [program, *map(str, arguments)],
        input=text,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return "" if done.returncode == 0 and not done.stderr else done.stdout + done.stderr
