"""Rejected rows, kept with the reason in their original format, ready for correction and import.

Spreadsheets run a cell that looks like a formula. In a CSV file such a cell gets a leading
apostrophe, as OWASP recommends, which an import of the file removes.
"""

from __future__ import annotations

import csv
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import orjson

from plaudit.bulk.private import private_text
from plaudit.importer.cells import LINE, REASON, neutral
from plaudit.importer.rows import Format, Read, Row

if TYPE_CHECKING:
    from typing import Self


class Rejects:
    """Writes rejected rows to a file, which the first of them creates.

    A CSV file gets two more columns. For JSON, each row is an object on its own line.

    Args:
        path: path of the file; its old content is replaced.
        kind: format of the rows.
        columns: columns of a CSV file.
    """

    def __init__(self, path: Path, kind: Format, columns: tuple[str, ...] | None) -> None:
        self.path = path
        self._columns: tuple[str, ...] | None = None
        if kind == "csv":
            # They exist already when the input is a file of rejected rows.
            told = {LINE, REASON}
            self._columns = tuple(each for each in columns or () if each not in told)
        self._file: IO[str] | None = None
        self.count = 0

    def add(self, row: Read, reason: str) -> None:
        """Write a row and its error."""
        self.count += 1
        file = self._file or self._opened()
        if self._columns is None:
            file.write(orjson.dumps(_as_object(row, reason), default=str).decode() + "\n")
            return
        values = row.values if isinstance(row, Row) else {self._columns[0]: row.raw}
        cells = [neutral(str(values.get(column, ""))) for column in self._columns]
        csv.writer(file).writerow([*cells, row.line, neutral(reason)])

    def close(self) -> None:
        """Finish the file; delete an earlier run's file when no row was rejected."""
        if self._file is not None:
            self._file.close()
        elif self.path.exists():
            self.path.unlink()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _opened(self) -> IO[str]:
        self._file = private_text(self.path)
        if self._columns is not None:
            csv.writer(self._file).writerow([*map(neutral, self._columns), LINE, REASON])
        return self._file


def _as_object(row: Read, reason: str) -> dict[str, Any]:
    told = {LINE: row.line, REASON: reason}
    if isinstance(row, Row):
        return {**_encodable(row.values), **told}
    return {"raw": _text(row.raw), **told}


def _encodable(value: Any) -> Any:  # noqa: ANN401 - JSON of any type
    match value:
        case str():
            return _text(value)
        case dict():
            return {_text(name): _encodable(each) for name, each in value.items()}
        case list():
            return [_encodable(each) for each in value]
    return value


def _text(text: str) -> str:
    """Return the text as valid JSON: bytes that are invalid in the encoding are replaced."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
