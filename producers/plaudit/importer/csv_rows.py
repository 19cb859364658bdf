"""CSV rows of a file, with recovery after quotes that its writer did not escape.

A valid row is read as RFC 4180 says. After an invalid row, reading resumes at the next line that is
a valid row with all columns. The lines before it stay together as one bad row.
"""

from __future__ import annotations

import csv
import re
from collections import deque
from collections.abc import Iterator
from typing import IO, Final, NamedTuple

from plaudit.importer.bounds import (
    LONGEST_FIELD,
    LONGEST_ROW,
    MOST_LINES,
    TOO_LONG,
    Lines,
    TooLong,
)
from plaudit.importer.cells import original
from plaudit.importer.rows import Read, Row, Unreadable

_ENDS: Final = "\r\n"


class _Source:
    """Lines for the CSV parser; the lines of a row can be put back.

    Attributes:
        taken: lines since the row began; None is a line that was too long to keep.
        number: number of the last line.
    """

    def __init__(self, text: IO[str]) -> None:
        self._lines = Lines(text)
        self._again: deque[str | None] = deque()
        self._room = LONGEST_ROW
        self.taken: list[str | None] = []
        self.number = 0

    def begin_row(self) -> None:
        self.taken.clear()
        self._room = LONGEST_ROW

    def put_back(self, kept: int) -> None:
        """Put back all lines of the row but the first ones."""
        rest = self.taken[kept:]
        self._again.extendleft(reversed(rest))
        self.number -= len(rest)

    def ended(self) -> bool:
        """Return whether no line is left."""
        if not self._again:
            try:
                self._again.append(next(self._lines))
            except StopIteration:
                return True
            except TooLong:
                self._again.append(None)
        return False

    def __iter__(self) -> _Source:
        return self

    def __next__(self) -> str:
        line: str | None
        if self._again:
            line = self._again.popleft()
        else:
            try:
                line = next(self._lines)
            except TooLong:
                line = None
        self.number += 1
        self.taken.append(line)
        if line is None:
            raise TooLong(TOO_LONG)
        self._room -= len(line)
        if self._room <= 0:
            raise TooLong(TOO_LONG)
        if len(self.taken) > MOST_LINES:
            raise TooLong(f"a row of more than {MOST_LINES:,} lines")
        return line


class CsvRows:
    """Rows behind the header of a CSV file.

    Args:
        text: the file.
        delimiter: separator of the values.
        columns: names of the columns.
        before: number of lines before the header.
        neutral: whether the cells were written by `plaudit.importer.cells.neutral`.
    """

    def __init__(
        self,
        text: IO[str],
        delimiter: str,
        columns: tuple[str, ...],
        *,
        before: int = 0,
        neutral: bool = False,
    ) -> None:
        self._source = _Source(text)
        self._neutral = neutral
        self._delimiter = delimiter
        self._columns = columns
        self._reader = csv.reader(self._source, delimiter=delimiter, strict=True)
        self._is_clean = _clean_row(delimiter).fullmatch
        for _ in range(before):
            next(self._source, None)
        self._source.begin_row()
        next(self._reader, None)

    def __iter__(self) -> Iterator[Read]:
        source, reader, width = self._source, self._reader, len(self._columns)
        while True:
            source.begin_row()
            try:
                values = next(reader)
            except StopIteration:
                return
            except (csv.Error, TooLong) as error:
                yield self._recover(_said(error))
                continue
            if not any(map(str.strip, values)):
                continue
            if len(values) == width:
                yield self._row(source.number, values)
            else:
                yield self._odd(values)

    def _row(self, line: int, values: list[str]) -> Row:
        if self._neutral:
            values = [original(each) for each in values]
        return Row(line, dict(zip(self._columns, values, strict=True)))

    def _odd(self, values: list[str]) -> Read:
        """Return a row with another number of values than columns.

        Spreadsheets leave out empty values at the end of a row, or add some.
        """
        source, width = self._source, len(self._columns)
        reason = f"{len(values)} values for {width} columns"
        if any(self._has_row(line) for line in source.taken[1:]):
            return self._recover(f"{reason}: does a quote not close?")
        if not any(each.strip() for each in values[width:]) and (len(values) > 1):
            padded = values[:width] + [""] * (width - len(values))
            return self._row(source.number, padded)
        return Unreadable(source.number, reason, _text(source.taken))

    def _recover(self, reason: str) -> Read:
        """Return the first line of an invalid row; the lines behind it are read again."""
        source = self._source
        first = source.taken[0]
        source.put_back(1)
        line = source.number
        found = loose(first or "", self._delimiter, len(self._columns))
        # With an odd quote inside, the text may continue on the next line.
        if found is not None and (found.even or source.ended() or self._row_follows()):
            return self._row(line, found.values)
        kept = [first]
        size = len(first or "")
        while size < LONGEST_ROW and not source.ended() and not self._row_follows():
            source.begin_row()
            try:
                kept.append(next(source))
            except TooLong:
                kept.append(None)
            size += len(kept[-1] or "")
        return Unreadable(line, reason, _text(kept))

    def _row_follows(self) -> bool:
        """Return whether the next lines are a valid row with all columns."""
        source = self._source
        source.begin_row()
        try:
            values = next(self._reader)
        except (csv.Error, TooLong, StopIteration):
            return False
        finally:
            source.put_back(0)
        whole = len(values) == len(self._columns)
        return whole and self._is_clean(_text(source.taken)) is not None

    def _has_row(self, line: str | None) -> bool:
        """Return whether a line by itself is a valid row with all columns."""
        if line is None or not self._is_clean(line):
            return False
        [values] = csv.reader([line], delimiter=self._delimiter, strict=True)
        return len(values) == len(self._columns)


def _said(error: Exception) -> str:
    """Return what is wrong with a row, in terms of the file."""
    text = str(error)
    if "unexpected end of data" in text:
        return "a quote opens a text and does not close"
    if "expected after" in text:
        return "a quote inside of a quoted text is not doubled"
    return f"not valid CSV: {text}"


class Loose(NamedTuple):
    """A row whose quoted texts contain quotes that are not doubled.

    Attributes:
        values: one for each column.
        even: whether each text contains an even number of such quotes.
    """

    values: list[str]
    even: bool


def loose(line: str, delimiter: str, width: int) -> Loose | None:
    """Read a row whose quoted texts contain quotes that are not doubled.

    A quote closes a text only before a delimiter or the end of the line.

    Returns:
        The row; None unless it has one value for each column.
    """
    text, at, even = line.rstrip(_ENDS), 0, True
    values: list[str] = []
    while len(values) < width:
        if text[at : at + 1] == '"':
            quoted = _quoted(text, at + 1, delimiter)
            if quoted is None:
                return None
            value, end, inside = quoted
            even = even and inside % 2 == 0
        else:
            end = text.find(delimiter, at)
            end = len(text) if end < 0 else end
            value = text[at:end]
            if '"' in value:
                return None
        if len(value) > LONGEST_FIELD:
            return None
        values.append(value)
        if end == len(text):
            break
        at = end + 1
    else:
        return None
    return Loose(values, even) if len(values) == width else None


def _quoted(text: str, start: int, delimiter: str) -> tuple[str, int, int] | None:
    """Return the quoted value from there, the position behind it, and its quotes not doubled."""
    parts: list[str] = []
    inside = 0
    while True:
        quote = text.find('"', start)
        if quote < 0:
            return None
        after = text[quote + 1 : quote + 2]
        parts.append(text[start:quote])
        if after in {"", delimiter}:
            return "".join(parts), quote + 1, inside
        parts.append('"')
        doubled = after == '"'
        inside += not doubled
        start = quote + (2 if doubled else 1)


def _clean_row(delimiter: str) -> re.Pattern[str]:
    """Return a pattern for rows of RFC 4180: no quote inside of a value without quotes."""
    mark = re.escape(delimiter)
    value = rf'(?:"[^"]*+(?:""[^"]*+)*+"|[^"{mark}\r\n]*+)'
    return re.compile(rf"{value}(?:{mark}{value})*+(?:\r\n|\n|\r)?")


def _text(lines: list[str | None]) -> str:
    """Return the lines as they are in the file."""
    return "".join(f"({TOO_LONG})\n" if line is None else line for line in lines).rstrip(_ENDS)
