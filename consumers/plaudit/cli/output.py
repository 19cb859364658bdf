"""What commands print: data to standard output, everything else to standard error."""

from __future__ import annotations

import json
import sys
from enum import IntEnum
from pathlib import Path
from typing import NoReturn, TextIO

import typer

from plaudit.bulk.private import privately


class Exit(IntEnum):
    """Exit codes of every command."""

    DONE = 0
    FAILED = 1
    USAGE = 2


def print_json(value: object) -> None:
    """Print one JSON value on one line; ids, times and paths as text."""
    sys.stdout.write(json.dumps(value, default=str, ensure_ascii=False) + "\n")


def note(message: str) -> None:
    """Tell people something that is not the command's data."""
    sys.stderr.write(f"{message}\n")
    sys.stderr.flush()


def fail(message: str, code: int = Exit.FAILED) -> NoReturn:
    """End the command with one line that says what is wrong, where, and what to do."""
    note(f"plaudit: {message}")
    raise typer.Exit(code)


def new_file(path: Path) -> TextIO:
    """Open a file that is not there yet: what an older one holds may be the only copy."""
    try:
        return open(path, "x", encoding="utf-8", opener=privately)
    except FileExistsError:
        fail(f"{path} exists; choose another name, it may hold the only copy", Exit.USAGE)
    except OSError as error:
        fail(f"{path}: {error.strerror}", Exit.USAGE)
