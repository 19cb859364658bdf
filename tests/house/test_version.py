"""The command line without a command."""

from __future__ import annotations

from importlib.metadata import version

import pytest

from plaudit.cli.main import main


def test_it_says_its_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(["--version"])
    assert not left.value.code
    assert capsys.readouterr().out == f"plaudit {version('plaudit')}\n"
