"""Sources of the fields of a review, and parsing of their values."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final, TypeVar

from plaudit.events.models import Rating
from plaudit.importer.ratings import read_rating
from plaudit.importer.times import TimeOf, ZoneUnknown, reader_of
from plaudit.importer.values import FOREIGN_BYTES, BadValue

_FLAGS: Final = {
    **dict.fromkeys(("true", "yes", "y", "1", "x"), True),
    **dict.fromkeys(("false", "no", "n", "0", ""), False),
}

Values = Mapping[str, Any]
"""A row: values by column, or a JSON object."""
_T = TypeVar("_T")
Read = Callable[[Values], _T]
"""Parses one field of a row; raises `BadValue`."""


@dataclass(frozen=True)
class Column:
    """A column, or several that make up one field.

    Attributes:
        names: columns; in JSON, paths with dots. The first one with a value counts.
        joined: whether the values of all columns are joined, each under its column's name.
        pattern: part of the value that counts: the first group of the pattern, if it occurs.
    """

    names: tuple[str, ...]
    joined: bool = False
    pattern: str | None = None


@dataclass(frozen=True)
class Mapped:
    """Source of each field's value.

    Its methods decide once per file how a field is parsed, and return a function that parses rows.

    Attributes:
        columns: column of each field.
        values: constant value of a field, for all rows; it has priority over columns.
        date_formats: formats of times, tried in order; ISO 8601 if there are none.
        flags: texts that mean yes, by field; other texts mean no.
        left_out: values of columns whose rows are not imported.
    """

    columns: Mapping[str, Column]
    values: Mapping[str, str]
    date_formats: tuple[str, ...] = ()
    flags: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    left_out: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def has(self, field: str) -> bool:
        """Return whether a row can contain the field."""
        return field in self.columns or field in self.values

    def used(self) -> set[str]:
        """Return the columns that are read."""
        sources = (each.names for name, each in self.columns.items() if name not in self.values)
        return {name for names in sources for name in names} | self.left_out.keys()

    def value(self, field: str) -> Read[object]:
        """Return the raw value from the row; None when it is absent."""
        if field in self.values:
            constant = self.values[field]
            return lambda _: constant
        column = self.columns.get(field)
        if column is None:
            return lambda _: None
        found = _joined(column.names) if column.joined else _first_of(column.names)
        return found if column.pattern is None else _part(found, re.compile(column.pattern))

    def reason_to_leave_out(self) -> Read[str | None]:
        """Return why a row is not imported; None when it is."""
        checks = [
            (name, _first_of((name,)), frozenset(each.lower() for each in values))
            for name, values in self.left_out.items()
        ]

        def read(row: Values) -> str | None:
            for name, value_of, values in checks:
                value = value_of(row)
                if value is not None and str(value).strip().lower() in values:
                    return f"{name} is {value}"
            return None

        return read

    def text(self, field: str) -> Read[str | None]:
        """Parse a text; reject lists, objects, and bytes that are invalid in the encoding."""
        value_of = self.value(field)

        def read(row: Values) -> str | None:
            value = value_of(row)
            if value is None:
                return None
            text = value.strip() if isinstance(value, str) else _as_text(field, value)
            if not text.isascii() and any("\udc80" <= each <= "\udcff" for each in text):
                raise BadValue(field, FOREIGN_BYTES)
            if "\0" in text:
                reason = "has a NUL character"
                raise BadValue(field, reason)
            return text or None

        return read

    def moment(self, field: str) -> Read[datetime | None]:
        """Parse a time; a time without a zone is UTC."""
        text_of, time_of = self.text(field), self.times()
        wanted = " or ".join(self.date_formats) or "2026-11-24 or 2026-11-24T16:00:00Z"

        def read(row: Values) -> datetime | None:
            text = text_of(row)
            if text is None:
                return None
            try:
                return time_of(text)
            except ZoneUnknown as unknown:
                raise BadValue(field, str(unknown)) from None
            except ValueError:
                raise BadValue(field, f"no time of the form {wanted}; see --date-format") from None

        return read

    def times(self) -> TimeOf:
        """Return the parser of times.

        Raises:
            ImportRefused: a format is invalid.
        """
        return reader_of(self.date_formats)

    def flag(self, field: str) -> Read[bool]:
        """Parse a yes or no; an absent value means no."""
        text_of = self.text(field)
        if field in self.flags:
            positive = frozenset(each.lower() for each in self.flags[field])
            return lambda row: (text_of(row) or "").lower() in positive

        def read(row: Values) -> bool:
            found = _FLAGS.get((text_of(row) or "").lower())
            if found is None:
                raise BadValue(field, "neither yes nor no")
            return found

        return read

    def rating(self, scale: int) -> Read[Rating | None]:
        """Parse a rating such as `4`, `4,5`, `4/5`, `five`, `★★★★☆` or `80%`."""
        text_of, scale_of = self.text("rating"), self.text("rating_scale")
        # There are few distinct ratings, so results are cached.
        rating_of = lru_cache(maxsize=4_096)(read_rating)

        def read(row: Values) -> Rating | None:
            text = text_of(row)
            return None if text is None else rating_of(text, scale_of(row), scale)

        return read

    def words(self, field: str) -> Read[tuple[str, ...]]:
        """Parse several words: a list, or a text separated by commas or semicolons."""
        value_of, text_of = self.value(field), self.text(field)

        def read(row: Values) -> tuple[str, ...]:
            value = value_of(row)
            if isinstance(value, list):
                return tuple(str(each).strip() for each in value)
            found = (each.strip() for each in re.split("[,;|]", text_of(row) or ""))
            return tuple(each for each in found if each)

        return read


def _as_text(field: str, value: object) -> str:
    if isinstance(value, bool | int | float | Decimal):
        return str(value)
    raise BadValue(field, "is a list or an object")


def _first_of(names: Sequence[str]) -> Read[object]:
    """Return the value of the first of these columns that has one."""
    if len(names) == 1:
        return _value_of(names[0])
    readers = [_value_of(name) for name in names]

    def read(row: Values) -> object:
        return next((found for each in readers if (found := each(row)) is not None), None)

    return read


def _value_of(column: str) -> Read[object]:
    path = column.split(".")

    def read(row: Values) -> object:
        found = row[column] if column in row else _within(row, path)
        return None if found == "" else found

    return read


def _joined(names: Sequence[str]) -> Read[object]:
    """Return the values of all columns as one text, each under its column's name."""
    readers = [(name, _value_of(name)) for name in names]

    def read(row: Values) -> object:
        found = [(name, str(value).strip()) for name, of in readers if (value := of(row))]
        return "\n\n".join(f"{name}\n{text}" for name, text in found if text) or None

    return read


def _part(value_of: Read[object], pattern: re.Pattern[str]) -> Read[object]:
    def read(row: Values) -> object:
        found = pattern.search(str(value_of(row) or ""))
        return None if found is None else found[1]

    return read


def _within(row: Values, path: Sequence[str]) -> object:
    """Return the value at a path of names."""
    found: object = row
    for name in path:
        if not isinstance(found, Mapping):
            return None
        found = found.get(name)
    return found
