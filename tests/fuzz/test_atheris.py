"""Search for bytes that make our code raise, guided by the code that they reach."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from fuzz.run import FOUND, NAMES

SECONDS = 60
TESTS = Path(__file__).parents[1]


@pytest.mark.nightly
@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", NAMES)
def test_a_guided_search_finds_no_input_that_raises(name: str) -> None:
    path = os.pathsep.join((str(TESTS), str(FOUND / "tools")))
    done = subprocess.run(
        [sys.executable, "-m", "fuzz.run", name, "--seconds", str(SECONDS)],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode == 2:
        pytest.skip(done.stdout.strip())
    assert done.returncode == 0, done.stdout + done.stderr[-8_000:]
    print(name, done.stderr.splitlines()[-1])
