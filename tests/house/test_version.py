"""The command line without a command, and with a file that it can't use."""

from __future__ import annotations

import platform
from importlib.metadata import version
from pathlib import Path

import pytest

from plaudit.cli.main import main
from plaudit.events.avro.build_kind import form


def test_it_prints_its_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(["--version"])
    assert not left.value.code
    python = platform.python_version()
    said = f"plaudit {version('plaudit')} ({form()}, Python {python})\n"
    assert capsys.readouterr().out == said


@pytest.mark.parametrize(("name", "reason"), [("", "Is a directory"), ("no/file", "No such file")])
def test_a_file_that_can_not_be_written_is_a_usage_error_in_one_line(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, name: str, reason: str
) -> None:
    path = tmp_path / name
    with pytest.raises(SystemExit) as left:
        main(["schemas", "docs", "--file", str(path)])
    assert left.value.code == 2
    assert capsys.readouterr().err.startswith(f"plaudit: {path}: {reason}")
