"""Foreign text reaches an operator's terminal as text."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import pytest
from rich.table import Table

from plaudit.cli.dlq.tables import count_lines, count_rows
from plaudit.cli.ui import console
from plaudit.cli.ui.console import PlainConsole
from plaudit.cli.ui.output import note, plain, print_json

TITLE = "\x1b]0;owned\x07\x1b[2J\x9b31m\r\u202egpj.exe"
"""Sets the title, clears the screen, colors, overwrites the line, turns the direction."""
OBEYED = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def test_nothing_that_is_printed_is_a_command(capsys: pytest.CaptureFixture[str]) -> None:
    hostile = f"[link=https://evil.example]x[/link] {TITLE} :smile:"
    table = Table("name", hostile)
    table.add_row(hostile, "x")
    shown = PlainConsole(soft_wrap=True)
    shown.print(table)
    shown.print(hostile)
    shown.print_value(json.dumps({"name": hostile}))
    for lines in (count_lines, count_rows):
        sys.stdout.write(
            "\n".join(lines({"reason": {hostile: 3, "gone": 1}, "type": {hostile: 4}}))
        )
    sys.stdout.write("\n")
    note(hostile)
    print_json({"name": hostile})
    told = capsys.readouterr()
    assert OBEYED.search(told.out + told.err) is None
    assert r"\x1b]0;owned\x07" in told.out
    assert r"\x1b]0;owned\x07" in told.err
    assert "[link=" in told.out, "markup is shown, too"
    assert json.loads(told.out.splitlines()[-1]) == {"name": hostile}


def test_ordinary_text_stays(capsys: pytest.CaptureFixture[str]) -> None:
    text = "gut, sagt Jürgen\t👍\n日本"
    assert plain(text) == text
    print_json(text)
    assert capsys.readouterr().out == json.dumps(text, ensure_ascii=False) + "\n"


@pytest.mark.tree
def test_commands_print_by_this_console_only() -> None:
    folder = Path(console.__file__).parent
    own = {"console.py", "bench.py"}  # what a benchmark prints is its own
    others = [
        file.name
        for file in folder.glob("*.py")
        if file.name not in own and re.search(r"(?<!Plain)Console\(", file.read_text())
    ]
    assert others == []
