"""Memory bounds for reading a file, whatever it contains."""

from __future__ import annotations

import re
from typing import IO, Final

from plaudit.bulk.nesting import MOST, Nesting

LONGEST_FIELD: Final = 1024 * 1024
LONGEST_ROW: Final = 8 * 1024 * 1024
"""Maximum characters of a row, or bytes of JSON; a review has a few hundred."""
LONGEST_NUMBER: Final = 1_000
"""Maximum digits of a number. ijson's parser aborts the process when Python refuses an integer."""
MOST_COLUMNS: Final = 1_000
MOST_LINES: Final = 20_000
"""Maximum lines of a row; a review has at most 10,000 characters."""
TOO_LONG: Final = f"a row of more than {LONGEST_ROW:,} characters"
_LONG_NUMBER: Final = re.compile(rb"[0-9]{%d}" % LONGEST_NUMBER)


class TooLong(ValueError):
    """A row, or a value in one, is too long."""


class Lines:
    """Lines of a text, one at a time. A line that is too long is skipped.

    Args:
        text: source of the lines.

    Attributes:
        number: number of the last line that was read.
    """

    def __init__(self, text: IO[str]) -> None:
        self._read = text.readline
        self.number = 0

    def __iter__(self) -> Lines:
        return self

    def __next__(self) -> str:
        line = self._read(LONGEST_ROW)
        if not line:
            raise StopIteration
        self.number += 1
        if len(line) == LONGEST_ROW:
            while line and not line.endswith(("\n", "\r")):
                line = self._read(LONGEST_ROW)
            raise TooLong(TOO_LONG)
        return line


class BoundedJson:
    """A JSON file whose values are limited in depth and length.

    Before its list begins, the file has no rows: parsing that part keeps one text at a time.

    Args:
        file: the file to read.
        list_depth: number of open brackets between two rows.
        list_at: number of bytes before the list.

    Attributes:
        taken: number of bytes read.
    """

    def __init__(self, file: IO[bytes], list_depth: int = MOST, list_at: int = 0) -> None:
        self._file = file
        self._nesting = Nesting()
        self._row_bytes = 0
        self._before = b""
        self._list_depth = list_depth
        self._list_at = list_at
        self.taken = 0

    def read(self, size: int) -> bytes:
        """Read the next chunk.

        Raises:
            TooDeep: a value is nested too deeply.
            TooLong: a row, or a text in it, is too long.
        """
        chunk = self._file.read(size)
        nesting = self._nesting
        nesting.take(chunk)
        if nesting.text_bytes - len(chunk) > LONGEST_FIELD:
            raise TooLong(f"a text of more than {LONGEST_FIELD:,} bytes")
        if _LONG_NUMBER.search(self._before + nesting.outside):
            raise TooLong(f"a number of {LONGEST_NUMBER:,} digits or more")
        self._before = nesting.outside[-LONGEST_NUMBER:]
        self.taken += len(chunk)
        lowest = MOST if self.taken < self._list_at else self._list_depth
        between_rows = nesting.divided and nesting.lowest <= lowest
        self._row_bytes = 0 if between_rows else self._row_bytes + len(chunk)
        if self._row_bytes > LONGEST_ROW:
            raise TooLong(f"a row of more than {LONGEST_ROW:,} bytes")
        return chunk
