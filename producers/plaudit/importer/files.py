"""Row reader for files of any size, one row at a time: CSV, JSON lines, or a JSON list.

A row that can't be read is reported with its position, and reading continues after it. A broken
JSON
list is rejected as a whole, because the start of its next item can't be determined.
"""

from __future__ import annotations

import codecs
import csv
import hashlib
import io
import stat
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import IO, Any, Final, Literal, NamedTuple

import ijson
import orjson

from plaudit.bulk.nesting import TooDeep, check_depth
from plaudit.importer.bounds import LONGEST_FIELD, MOST_COLUMNS, BoundedJson, Lines, TooLong
from plaudit.importer.cells import REASON, original
from plaudit.importer.errors import ImportRefused

Format = Literal["csv", "jsonl", "json"]

_SUFFIXES: Final[dict[str, Format]] = {
    ".csv": "csv",
    ".tsv": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "json",
}
_NO_DELIMITERS: Final = '\r\n"\0'
_DELIMITERS: Final = ",;\t|"
_CHUNK: Final = 1024 * 1024
# The longer mark first: the mark of UTF-16 is a prefix of UTF-32's.
_MARKS: Final = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


class Row(NamedTuple):
    """A row of the file.

    Attributes:
        line: the line on which it ends, or the item's number in a JSON list.
        values: by column.
    """

    line: int
    values: dict[str, Any]


class Unreadable(NamedTuple):
    """A row that can't be read.

    Attributes:
        line: the line on which it ends, or the item's number in a JSON list.
        reason: what is wrong with it.
        raw: its text in the file.
    """

    line: int
    reason: str
    raw: str


Read = Row | Unreadable


@dataclass(frozen=True)
class ReviewFile:
    """A file of reviews.

    Attributes:
        path: of the file.
        format: CSV, JSON lines or JSON.
        encoding: encoding of its text.
        delimiter: separator of the values of a CSV file.
        columns: columns of a CSV file; None when each row has its own.
        neutral: whether its cells were written by `plaudit.importer.cells.neutral`.
    """

    path: Path
    format: Format
    encoding: str
    delimiter: str = ","
    columns: tuple[str, ...] | None = None
    neutral: bool = False

    def rows(self) -> Iterator[Read]:
        """Yield the rows from the start.

        Raises:
            ImportRefused: the JSON is not a list, or is broken.
        """
        readers: dict[Format, Callable[[IO[bytes]], Iterator[Read]]] = {
            "csv": self._csv,
            "jsonl": self._json_lines,
            "json": self._json,
        }
        with self.path.open("rb") as file:
            yield from readers[self.format](file)

    def stamp(self) -> tuple[int, int, int]:
        """Return a value that changes when the file is written to or replaced."""
        found = self.path.stat()
        return found.st_ino, found.st_size, found.st_mtime_ns

    def digest(self) -> bytes:
        """Return the hash of the content."""
        found = hashlib.sha256()
        with self.path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                found.update(chunk)
        return found.digest()

    def _text(self, file: IO[bytes]) -> IO[str]:
        # Bytes that are invalid in the encoding must not end the reading; they are found later.
        return io.TextIOWrapper(file, self.encoding, errors="surrogateescape", newline="")

    def _csv(self, file: IO[bytes]) -> Iterator[Read]:
        columns = self.columns or ()
        with self._text(file) as text:
            lines = Lines(text)
            reader = csv.reader(lines, delimiter=self.delimiter, strict=True)
            next(reader, None)
            while True:
                lines.next_row()
                try:
                    values = next(reader)
                except StopIteration:
                    return
                except (csv.Error, TooLong) as error:
                    yield Unreadable(lines.number, f"no CSV: {error}", "")
                    continue
                if self.neutral:
                    values = [original(each) for each in values]
                if len(values) == len(columns):
                    yield Row(lines.number, dict(zip(columns, values, strict=True)))
                elif values:  # an empty line is not a row
                    reason = f"{len(values)} values for {len(columns)} columns"
                    yield Unreadable(lines.number, reason, self.delimiter.join(values))

    def _json_lines(self, file: IO[bytes]) -> Iterator[Read]:
        with self._text(file) as text:
            lines = Lines(text)
            while True:
                lines.next_row()
                try:
                    line = next(lines)
                except StopIteration:
                    return
                except TooLong as error:
                    yield Unreadable(lines.number, str(error), "")
                    continue
                if line.strip():
                    yield _parsed(lines.number, line)

    def _json(self, file: IO[bytes]) -> Iterator[Read]:
        if self.encoding == "utf-8-sig":
            file.seek(len(codecs.BOM_UTF8))
        start = file.tell()
        number = 0
        try:
            found = _list_in(file)
            if found is None:
                raise ImportRefused(
                    f"{self.path}: neither a list of reviews nor an object with one"
                )
            file.seek(start)
            bounded = BoundedJson(file)
            path, bounded.list_depth = found
            for number, values in enumerate(ijson.items(bounded, path), 1):
                yield _object(number, values)
        except (TooDeep, TooLong) as error:
            raise ImportRefused(f"{self.path}: item {number + 1}: {error}") from None
        except (ijson.JSONError, UnicodeDecodeError) as error:
            said = " ".join(str(error).split())[:200]
            where = f"{self.path}: item {number + 1}"
            raise ImportRefused(
                f"{where}: no JSON, nor can anything be behind it: {said}"
            ) from None


def open_file(
    path: Path,
    *,
    kind: Format | None = None,
    encoding: str | None = None,
    delimiter: str | None = None,
) -> ReviewFile:
    """Inspect a file: its format, encoding and columns.

    Raises:
        ImportRefused: the file can't be read, or is not a file of reviews.
    """
    found = kind or _SUFFIXES.get(path.suffix.lower())
    if found is None:
        known = ", ".join(sorted(_SUFFIXES))
        raise ImportRefused(f"{path}: its name ends in none of {known}; say --format")
    head = _head(path)
    if delimiter is not None and (len(delimiter) != 1 or delimiter in _NO_DELIMITERS):
        raise ImportRefused(f"--delimiter: {delimiter!r} can't separate values; give one character")
    marked = next((name for mark, name in _MARKS if head.startswith(mark)), None)
    chosen = marked or _known(encoding or "utf-8")
    if found == "json" and chosen not in {"utf-8", "utf-8-sig"}:
        raise ImportRefused(f"{path}: JSON is UTF-8, this is {chosen}; convert it first")
    if found != "csv":
        return ReviewFile(path, found, chosen)
    return _with_columns(ReviewFile(path, found, chosen, delimiter or ""))


def _head(path: Path) -> bytes:
    """Return the first bytes of a file.

    Raises:
        ImportRefused: the file is empty, can't be read, or can't be read twice.
    """
    try:
        if not path.is_dir() and not stat.S_ISREG(path.stat().st_mode):
            raise ImportRefused(f"{path}: no regular file; an import reads it more than once")
        with path.open("rb") as file:
            head = file.read(4)
    except OSError as error:
        raise ImportRefused(f"{path}: {error.strerror}") from None
    if not head:
        raise ImportRefused(f"{path}: it is empty")
    return head


def _known(encoding: str) -> str:
    try:
        return codecs.lookup(encoding).name
    except LookupError:
        raise ImportRefused(
            f"--encoding: {encoding!r} is unknown; use a name such as utf-8"
        ) from None


def _with_columns(file: ReviewFile) -> ReviewFile:
    """Read the first line of a CSV file.

    Raises:
        ImportRefused: the line has no column names, or a duplicate.
    """
    csv.field_size_limit(LONGEST_FIELD)
    with file.path.open("rb") as raw, file._text(raw) as text:  # noqa: SLF001 - same module
        lines = Lines(text)
        try:
            first = next(lines, "")
            delimiter = file.delimiter or max(_DELIMITERS, key=first.count)
            # A quoted name may contain a line break.
            reader = csv.reader(chain([first], lines), delimiter=delimiter, strict=True)
            columns = tuple(name.strip() for name in next(reader, ()))
        except (csv.Error, TooLong) as error:
            raise ImportRefused(f"{file.path}: its first line is not valid CSV: {error}") from None
    if not any(columns):
        raise ImportRefused(f"{file.path}: its first line names no columns")
    if len(columns) > MOST_COLUMNS:
        raise ImportRefused(f"{file.path}: line 1: at most {MOST_COLUMNS:,} columns")
    if neutral := REASON in columns:
        columns = tuple(map(original, columns))
    [(name, times)] = Counter(columns).most_common(1)
    if times > 1:
        raise ImportRefused(f"{file.path}: two columns are called {name!r}")
    return replace(file, delimiter=delimiter, columns=columns, neutral=neutral)


def _parsed(number: int, line: str) -> Read:
    try:
        check_depth(line.encode("utf-8", "surrogateescape"))
        return _object(number, orjson.loads(line))
    except TooDeep as error:
        return Unreadable(number, str(error), "")
    except (ValueError, UnicodeEncodeError) as error:
        return Unreadable(number, f"no JSON: {error}", line.rstrip("\r\n"))


def _object(number: int, values: object) -> Read:
    if isinstance(values, dict):
        return Row(number, values)
    return Unreadable(number, "no object", str(values))


def _list_in(file: IO[bytes]) -> tuple[str, int] | None:
    """Return path and depth of the list of reviews: the document, or the first list in an object.

    Raises:
        TooDeep: a value before it is nested too deeply.
        TooLong: a value before it is too long.
    """
    depth = 1
    try:
        for prefix, event, _ in ijson.parse(BoundedJson(file)):
            match event:
                case "start_array":
                    return (f"{prefix}.item" if prefix else "item"), depth
                case "start_map":
                    depth += 1
                case "end_map":
                    depth -= 1
    except (ijson.JSONError, UnicodeDecodeError):
        return "item", 1  # reading reports the error
    return None
