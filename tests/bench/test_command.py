"""`plaudit bench` runs in a source tree; elsewhere it states where to get one."""

from __future__ import annotations

from pathlib import Path

import pytest
import typer

from bench.command import command
from plaudit.cli.commands.bench import TESTS, elsewhere, find


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
