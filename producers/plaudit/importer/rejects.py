"""Bad rows, kept with the reason in the form that they came in: put right, they can be imported.

Spreadsheets run a cell that begins as a formula does. In a CSV file such a cell gets an apostrophe
in front, as OWASP recommends, which an import of the file takes away.
"""

from __future__ import annotations

import csv
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import orjson

from plaudit.bulk.private import private_text
from plaudit.importer.cells import LINE, REASON, neutral
from plaudit.importer.files import Format, Read, Row

if TYPE_CHECKING:
    from typing import Self


class Rejects:
    """Writes bad rows to a file, which is made with the first of them.

    A CSV file gets two more columns; of JSON each is an object on a line of its own.

    Args:
        path: of the file; what it held before is replaced.
        kind: the format of the rows.
        columns: of a CSV file.
    """

    def __init__(self, path: Path, kind: Format, columns: tuple[str, ...] | None) -> None:
        self.path = path
        self._columns: tuple[str, ...] | None = None
        if kind == "csv":
            # They are there already when the file held the bad rows of an earlier import.
            told = {LINE, REASON}
            self._columns = tuple(each for each in columns or () if each not in told)
        self._file: IO[str] | None = None
        self.count = 0

    def add(self, row: Read, reason: str) -> None:
        """Write a row and what is wrong with it."""
        self.count += 1
        file = self._file or self._opened()
        if self._columns is None:
            file.write(orjson.dumps(_as_object(row, reason), default=str).decode() + "\n")
            return
        values = row.values if isinstance(row, Row) else {self._columns[0]: row.raw}
        cells = [neutral(str(values.get(column, ""))) for column in self._columns]
        csv.writer(file).writerow([*cells, row.line, neutral(reason)])

    def close(self) -> None:
        """Finish the file; one of an earlier run goes when there is nothing bad any more."""
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
    """Return a text that JSON can hold: bytes that are none of the encoding's are replaced."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
