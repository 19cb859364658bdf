"""The start of a command: modules are imported without looking for garbage among them."""

from __future__ import annotations

import gc

import pytest

from plaudit.cli.main import main


def test_a_command_runs_with_the_garbage_collector(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert (ended.value.code, gc.isenabled()) == (0, True)
    assert capsys.readouterr().out.startswith("plaudit ")
