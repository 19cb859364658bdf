"""Output of commands: data on standard output, everything else on standard error."""

from __future__ import annotations

import json
import re
import sys
from enum import IntEnum
from pathlib import Path
from typing import Final, NoReturn, TextIO

import typer

from plaudit.bulk.private import privately

# C0 without tab and line feed, DEL and C1; marks that change the text direction.
_CONTROL: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


class Exit(IntEnum):
    """Exit codes of every command."""

    DONE = 0
    FAILED = 1
    USAGE = 2


def print_json(value: object) -> None:
    """Print one JSON value on one line, with ids, times and paths as text."""
    text = json.dumps(value, default=str, ensure_ascii=False)
    # JSON leaves some characters that terminals interpret; escaped, they are the same value.
    sys.stdout.write(_CONTROL.sub(lambda found: f"\\u{ord(found[0]):04x}", text) + "\n")


def plain(text: str) -> str:
    """Return a text with control characters escaped: a terminal would interpret them."""
    return _CONTROL.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def note(message: str) -> None:
    """Print a message for people, on standard error."""
    sys.stderr.write(f"{plain(message)}\n")
    sys.stderr.flush()


def fail(message: str, code: int = Exit.FAILED) -> NoReturn:
    """Exit with one line that says what is wrong, where, and what to do."""
    note(f"plaudit: {message}")
    raise typer.Exit(code)


def new_file(path: Path) -> TextIO:
    """Create a file; refuse if it exists, because it may be the only copy."""
    try:
        return open(path, "x", encoding="utf-8", opener=privately)
    except FileExistsError:
        fail(f"{path} exists; choose another name, it may hold the only copy", Exit.USAGE)
    except OSError as error:
        fail(f"{path}: {error.strerror}", Exit.USAGE)
