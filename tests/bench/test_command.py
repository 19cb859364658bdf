"""`plaudit bench` runs in a source tree; elsewhere it states where to get one."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from bench.command import command
from plaudit.cli.commands.bench import TESTS, elsewhere, find


@pytest.mark.tree
def test_an_unknown_scenario_is_a_usage_error() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "bench", "nosuch"],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(TESTS)},
    )
    assert done.returncode == 2
    assert done.stderr.startswith("plaudit: no scenario 'nosuch'")


@pytest.mark.tree
def test_in_a_source_tree_it_is_the_benchmark() -> None:
    assert find(TESTS) is command


def test_an_installed_wheel_states_in_one_line_where_to_get_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert find(tmp_path / "tests") is elsewhere
    with pytest.raises(typer.Exit) as ended:
        elsewhere()
    assert ended.value.exit_code == 2
    printed = capsys.readouterr().err
    assert printed.count("\n") == 1
    assert "source archive" in printed
    assert "make bench" in printed
