"""Files that hold customers' data: readable for the user who made them, and no other."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final, TextIO

MODE: Final = 0o600


def privately(path: str, flags: int) -> int:
    """Open a file for `open(…, opener=privately)`; one that is made is private."""
    return os.open(path, flags, MODE)


def private_text(path: Path) -> TextIO:
    """Open a text file to be written anew, whose lines end as they are written.

    Bytes that were read as `surrogateescape` go out as they came in.

    Raises:
        OSError: it can't be made there.
    """
    file = open(  # noqa: SIM115 - the caller closes it
        path, "w", encoding="utf-8", errors="surrogateescape", newline="", opener=privately
    )
    os.fchmod(file.fileno(), MODE)  # it may have been there
    return file


def make_private(path: Path) -> None:
    """Make an empty private file; one that is there keeps its mode, which its owner chose.

    SQLite opens what it finds, and gives its journals the mode of the database.

    Raises:
        OSError: it can't be made there.
    """
    os.close(os.open(path, os.O_CREAT | os.O_RDWR, MODE))
