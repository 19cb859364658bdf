"""Files with customers' data, readable only by the user who created them."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Final, TextIO

MODE: Final = 0o600


def privately(path: str, flags: int) -> int:
    """Opener for `open(…, opener=privately)`; a new file is private."""
    return os.open(path, flags, MODE)


def private_text(path: Path) -> TextIO:
    """Open a text file for writing, truncated, without newline translation.

    Bytes that were decoded with `surrogateescape` are written unchanged.

    Raises:
        OSError: the file can't be created.
    """
    file = open(  # noqa: SIM115 - the caller closes it
        path, "w", encoding="utf-8", errors="surrogateescape", newline="", opener=privately
    )
    os.fchmod(file.fileno(), MODE)  # the file may have existed
    return file


def make_private(path: Path) -> None:
    """Create an empty private file. An existing file keeps its mode, which its owner chose.

    SQLite opens the existing file, and gives its journals the mode of the database.

    An existing file is never opened here. On POSIX systems, closing any descriptor of a file drops
    all locks that the process holds on it (sqlite.org/howtocorrupt.html, section 2.2). Another
    process would then remove the write-ahead log under a connection that is open.

    Raises:
        OSError: the file can't be created.
    """
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, MODE))
