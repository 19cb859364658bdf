"""Row reader for files of any size, one row at a time: CSV, JSON lines, or a JSON list.

A row that can't be read is reported with its position, and reading continues after it. A broken
JSON list is rejected as a whole, because the start of its next item can't be determined.
"""

from __future__ import annotations

import codecs
import csv
import hashlib
import io
import re
import stat
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from decimal import InvalidOperation
from itertools import chain, islice
from pathlib import Path
from typing import IO, Any, Final, assert_never

import ijson
import orjson

from plaudit.bulk.nesting import TooDeep, check_depth
from plaudit.importer.bounds import LONGEST_FIELD, MOST_COLUMNS, BoundedJson, Lines, TooLong
from plaudit.importer.cells import REASON, original
from plaudit.importer.columns import review_weight
from plaudit.importer.csv_rows import CsvRows
from plaudit.importer.errors import ImportRefused
from plaudit.importer.json_lists import SAMPLE, WHOLE, JsonList, ListScan, choose
from plaudit.importer.rows import Format, Read, Row, Unreadable

_SUFFIXES: Final[dict[str, Format]] = {
    ".csv": "csv",
    ".tsv": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "json",
}
_NO_DELIMITERS: Final = '\r\n"\0'
_DELIMITERS: Final = ",;\t|"
_QUOTED: Final = re.compile(r'"[^"]*"')
_SEPARATOR_LINE: Final = re.compile(r'"?sep=(.)"?[\r\n]*', re.IGNORECASE)
_CHUNK: Final = 1024 * 1024
# The longer mark first: the mark of UTF-16 is a prefix of UTF-32's.
_MARKS: Final = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


@dataclass(frozen=True)
class ReviewFile:
    """A file of reviews.

    Attributes:
        path: path of the file.
        format: CSV, JSON lines or JSON.
        encoding: encoding of its text.
        delimiter: separator of the values of a CSV file.
        columns: columns of a CSV file; None when each row has its own.
        neutral: whether its cells were written by `plaudit.importer.cells.neutral`.
        lines_before: number of lines before the header of a CSV file.
        found: list of a JSON document that has the reviews.
        seen: names in the first rows, with dots for values in objects.
    """

    path: Path
    format: Format
    encoding: str
    delimiter: str = ","
    columns: tuple[str, ...] | None = None
    neutral: bool = False
    lines_before: int = 0
    found: JsonList = WHOLE
    seen: tuple[str, ...] = ()

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
        with self._text(file) as text:
            yield from CsvRows(
                text,
                self.delimiter,
                self.columns or (),
                before=self.lines_before,
                neutral=self.neutral,
            )

    def _json_lines(self, file: IO[bytes]) -> Iterator[Read]:
        with self._text(file) as text:
            lines = Lines(text)
            while True:
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
        _skip_mark(file, self.encoding)
        found = self.found
        number = 0
        with _refusals(self.path, lambda: number):
            bounded = BoundedJson(file, found.depth, found.at)
            for number, values in enumerate(ijson.items(bounded, found.items), 1):
                yield _object(number, values)


def open_file(
    path: Path,
    *,
    kind: Format | None = None,
    encoding: str | None = None,
    delimiter: str | None = None,
    list_path: str | None = None,
    weight_of: Callable[[Iterable[str]], int] = review_weight,
) -> ReviewFile:
    """Inspect a file: its format, encoding and columns.

    Args:
        path: path of the file.
        kind: format; by default from the file's name.
        encoding: encoding, unless a byte order mark names it.
        delimiter: separator of a CSV file; by default from its header.
        list_path: path of the list of reviews in a JSON document.
        weight_of: returns how closely the names in such a list resemble a review.

    Raises:
        ImportRefused: the file can't be read, or is not a file of reviews.
    """
    found = kind or _SUFFIXES.get(path.suffix.lower())
    if found is None:
        known = ", ".join(sorted(_SUFFIXES))
        raise ImportRefused(f"{path}: its name ends in none of {known}; give --format")
    head = _head(path)
    if delimiter is not None and (len(delimiter) != 1 or delimiter in _NO_DELIMITERS):
        raise ImportRefused(f"--delimiter: {delimiter!r} can't separate values; give one character")
    marked = next((name for mark, name in _MARKS if head.startswith(mark)), None)
    chosen = marked or _known(encoding or "utf-8")
    if found == "json" and chosen not in {"utf-8", "utf-8-sig"}:
        raise ImportRefused(f"{path}: JSON is UTF-8, this is {chosen}; convert it first")
    if list_path is not None and found != "json":
        raise ImportRefused(f"--list: {path} is not a JSON document")
    file = ReviewFile(path, found, chosen, delimiter or "")
    match found:
        case "csv":
            return _with_columns(file)
        case "jsonl":
            return replace(file, seen=_names_of(file))
        case "json":
            return _with_list(file, list_path, weight_of)
        case _:
            assert_never(found)


def _head(path: Path) -> bytes:
    """Return the first bytes of a file.

    Raises:
        ImportRefused: the file is empty, can't be read, or can't be read twice.
    """
    try:
        if not path.is_dir() and not stat.S_ISREG(path.stat().st_mode):
            raise ImportRefused(f"{path}: not a regular file; an import reads it more than once")
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
    """Read the header of a CSV file.

    Raises:
        ImportRefused: the line has no column names, or a duplicate.
    """
    csv.field_size_limit(LONGEST_FIELD)
    with file.path.open("rb") as raw, file._text(raw) as text:  # noqa: SLF001 - same module
        lines = Lines(text)
        try:
            first = next(lines, "")
            # Spreadsheets write such a line before the header, and hide it.
            if declared := _SEPARATOR_LINE.fullmatch(first):
                first = next(lines, "")
            delimiter = file.delimiter or (declared[1] if declared else _delimiter_of(first))
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
    columns = tuple(name or f"column {number}" for number, name in enumerate(columns, 1))
    [(name, times)] = Counter(columns).most_common(1)
    if times > 1:
        raise ImportRefused(f"{file.path}: two columns are called {name!r}")
    return replace(
        file,
        delimiter=delimiter,
        columns=columns,
        neutral=neutral,
        lines_before=int(declared is not None),
        seen=columns,
    )


def _delimiter_of(header: str) -> str:
    unquoted = _QUOTED.sub("", header)
    return max(_DELIMITERS, key=unquoted.count)


def _with_list(
    file: ReviewFile, asked: str | None, weight_of: Callable[[Iterable[str]], int]
) -> ReviewFile:
    """Find the list of reviews in a JSON document.

    Raises:
        ImportRefused: no list is found, several are candidates, or the JSON is broken.
    """
    with file.path.open("rb") as raw:
        whole = _begins_list(raw, file.encoding)
        _skip_mark(raw, file.encoding)
        scan = ListScan(raw, whole=whole)
        with _refusals(file.path, lambda: scan.rows):
            lists = scan.run()
    if not lists:
        raise ImportRefused(f"{file.path}: neither a list of reviews nor an object with one")
    try:
        whole = not lists[0].prefix and asked is None
        found = lists[0] if whole else choose(lists, asked, weight_of)
    except ImportRefused as refused:
        raise ImportRefused(f"{file.path}: {refused}") from None
    return replace(file, found=found, seen=tuple(found.names))


def _parsed(number: int, line: str) -> Read:
    try:
        check_depth(line.encode("utf-8", "surrogateescape"))
        return _object(number, orjson.loads(line))
    except TooDeep as error:
        return Unreadable(number, str(error), "")
    except (ValueError, UnicodeEncodeError) as error:
        return Unreadable(number, f"not JSON: {error}", line.rstrip("\r\n"))


def _object(number: int, values: object) -> Read:
    if isinstance(values, dict):
        return Row(number, values)
    return Unreadable(number, "no object", str(values))


def _names_of(file: ReviewFile) -> tuple[str, ...]:
    """Return the names in the first rows of a file of JSON lines."""
    names: dict[str, None] = {}
    for row in islice(file.rows(), SAMPLE):
        if isinstance(row, Row):
            names.update(dict.fromkeys(_paths(row.values, "")))
    return tuple(names)[:MOST_COLUMNS]


def _paths(values: dict[str, Any], before: str) -> Iterator[str]:
    for name, value in values.items():
        if isinstance(value, dict):
            yield from _paths(value, f"{before}{name}.")
        elif value is not None:
            yield f"{before}{name}"


def _skip_mark(file: IO[bytes], encoding: str) -> None:
    file.seek(len(codecs.BOM_UTF8) if encoding == "utf-8-sig" else 0)


def _begins_list(file: IO[bytes], encoding: str) -> bool:
    """Return whether a JSON document is a list."""
    _skip_mark(file, encoding)
    return file.read(_CHUNK).lstrip()[:1] == b"["


@contextmanager
def _refusals(path: Path, rows: Callable[[], int]) -> Iterator[None]:
    """Raise errors of a JSON document as refusals that name the item.

    Args:
        path: path of the document.
        rows: number of items that were read.
    """
    try:
        yield
    except (TooDeep, TooLong) as error:
        raise ImportRefused(f"{path}: item {rows() + 1}: {error}") from None
    except (ijson.JSONError, UnicodeDecodeError, InvalidOperation) as error:
        huge = isinstance(error, InvalidOperation)
        said = "an exponent is too large" if huge else " ".join(str(error).split())[:200]
        raise ImportRefused(f"{path}: item {rows() + 1}: not JSON from here on: {said}") from None
