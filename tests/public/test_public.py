"""The public API stays as it is, and type checkers of callers see its types."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from public.surface import surface

HERE = Path(__file__).parent


def test_names_and_signatures_are_as_recorded() -> None:
    recorded = (HERE / "api.txt").read_text(encoding="utf-8")
    assert recorded.splitlines() == surface().splitlines(), (
        "the public API changed; after a note in the changelog run: "
        "PYTHONPATH=tests python -m public.surface > tests/public/api.txt"
    )


def complaints(folder: Path, program: Path) -> list[dict[str, Any]]:
    """Return what pyright has to say about a caller's program."""
    file = folder / "caller.py"
    file.write_text(program.read_text())
    settings = {"typeCheckingMode": "strict", "reportMissingModuleSource": False}
    (folder / "pyrightconfig.json").write_text(json.dumps(settings))
    pyright = [sys.executable, "-m", "basedpyright", "--outputjson"]
    run = [*pyright, "--project", str(folder), "--pythonpath", sys.executable]
    done = subprocess.run(run, capture_output=True, text=True, check=False, cwd=folder)
    found: list[dict[str, Any]] = json.loads(done.stdout)["generalDiagnostics"]
    return found


def test_pyright_finds_nothing_in_a_program_that_is_right(tmp_path: Path) -> None:
    assert complaints(tmp_path, HERE / "caller.py") == []


def test_pyright_finds_type_errors_in_a_program(tmp_path: Path) -> None:
    found = complaints(tmp_path, HERE / "wrong.py.txt")
    lines = {each["range"]["start"]["line"] + 1 for each in found if each["severity"] == "error"}
    assert lines == {7, 8, 9, 10}
