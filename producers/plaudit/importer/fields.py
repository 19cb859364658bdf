"""Mapping of columns to the fields of a review, and parsing of their values."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final, TypeVar

from pydantic import ValidationError

from plaudit.events.models import Rating
from plaudit.importer.errors import ImportRefused

FIELDS: Final[Mapping[str, tuple[str, ...]]] = {
    "external_id": ("id", "review id", "reviewid", "external id", "uuid"),
    "text": ("review", "review text", "content", "body", "comment", "testimonial", "message"),
    "title": ("review title", "headline", "subject"),
    "rating": ("stars", "score", "star rating"),
    "rating_scale": ("scale", "max rating", "best rating"),
    "language": ("lang", "locale"),
    "customer_name": ("name", "author", "author name", "reviewer", "reviewer name", "customer"),
    "customer_email": ("email", "e-mail", "reviewer email", "author email"),
    "customer_company": ("company", "organization", "organisation"),
    "customer_job_title": ("job title", "position", "role"),
    "customer_avatar_url": ("avatar", "avatar url", "photo", "image url"),
    "customer_profile_url": ("profile", "profile url", "reviewer url"),
    "platform": ("source", "channel", "site"),
    "url": ("link", "review url", "permalink"),
    "originally_at": ("date", "created", "created at", "published at", "review date", "time"),
    "tags": ("labels",),
    "consent": ("consent state", "permission"),
    "is_verified": ("verified",),
    "is_incentivized": ("incentivized", "incentivised"),
}
"""Fields of a review, and the column names that are recognised for each."""

_SEPARATORS: Final = re.compile(r"[\s_\-.]+")
_RATING: Final = re.compile(r"\s*(\d+(?:[.,]\d+)?)\s*(?:(?:/|of|out of)\s*(\d+))?\s*")
_FLAGS: Final = {
    **dict.fromkeys(("true", "yes", "y", "1", "x"), True),
    **dict.fromkeys(("false", "no", "n", "0", ""), False),
}
_LAST: Final = 32_503_680_000  # the year 3000 in seconds; larger numbers are milliseconds


_SHOWN: Final = 200
"""Maximum characters of a list of columns in a message."""
FOREIGN_BYTES: Final = "has bytes that are invalid in the file's encoding; see --encoding"


class BadValue(ValueError):
    """A value that can't be parsed.

    Attributes:
        field: the review field that it belongs to.
        reason: what is wrong with the value.
    """

    def __init__(self, field: str, reason: str) -> None:
        self.field = field
        self.reason = reason
        super().__init__(f"{field}: {reason}")


def first_of(error: ValidationError) -> BadValue:
    """Return the first error that a model reports; `field` is where."""
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    return BadValue(".".join(str(part) for part in first["loc"]), first["msg"])


Values = Mapping[str, Any]
"""A row: values by column, or a JSON object."""
_T = TypeVar("_T")
Read = Callable[[Values], _T]
"""Parses one field of a row; raises `BadValue`."""


@dataclass(frozen=True)
class Mapped:
    """Source of each field's value.

    Its methods decide once per file how a field is parsed, and return a function that parses rows.

    Attributes:
        columns: column of each field; in JSON, a path with dots.
        values: constant value of a field, for all rows.
        date_format: format for `strptime`; None means ISO 8601.
    """

    columns: Mapping[str, str]
    values: Mapping[str, str]
    date_format: str | None = None

    def has(self, field: str) -> bool:
        """Return whether a row can contain the field."""
        return field in self.columns or field in self.values

    def value(self, field: str) -> Read[object]:
        """Return the raw value from the row; None when it is absent."""
        column, otherwise = self.columns.get(field), self.values.get(field)
        if column is None:
            return lambda _: otherwise
        path = column.split(".")

        def read(row: Values) -> object:
            found = row[column] if column in row else _within(row, path)
            return otherwise if found is None or found == "" else found

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
        text_of, time_of = self.text(field), _time_of(self.date_format)
        wanted = self.date_format or "2026-11-24 or 2026-11-24T16:00:00Z"

        def read(row: Values) -> datetime | None:
            text = text_of(row)
            if text is None:
                return None
            try:
                found = time_of(text)
            except (ValueError, OverflowError, OSError):
                raise BadValue(field, f"no time of the form {wanted}; see --date-format") from None
            return found if found.tzinfo else found.replace(tzinfo=UTC)

        return read

    def flag(self, field: str) -> Read[bool]:
        """Parse a yes or no; an absent value means no."""
        text_of = self.text(field)

        def read(row: Values) -> bool:
            found = _FLAGS.get((text_of(row) or "").lower())
            if found is None:
                raise BadValue(field, "neither yes nor no")
            return found

        return read

    def rating(self, scale: int) -> Read[Rating | None]:
        """Parse a rating such as `4`, `4.5`, `4,5` or `4/5`."""
        text_of, scale_of = self.text("rating"), self.text("rating_scale")
        # There are few distinct ratings, so results are cached.
        rating_of = lru_cache(maxsize=4_096)(_rating)

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


def _time_of(form: str | None) -> Callable[[str], datetime]:
    match form:
        case None:
            return datetime.fromisoformat
        case "epoch":
            return _from_epoch
        case _:
            # The caller adds UTC where the zone is absent.
            return lambda text: datetime.strptime(text, form)  # noqa: DTZ007 - as above


def _from_epoch(text: str) -> datetime:
    number = float(text)
    return datetime.fromtimestamp(number if number < _LAST else number / 1_000, UTC)


def _rating(text: str, given: str | None, scale: int) -> Rating:
    found = _RATING.fullmatch(text)
    if found is None:
        raise BadValue("rating", "no rating such as 4, 4.5 or 4/5")
    best = found[2] or given
    try:
        scale = scale if best is None else int(best)
    except ValueError:
        raise BadValue("rating_scale", "no whole number") from None
    try:
        return Rating(value=Decimal(found[1].replace(",", ".")), scale_max=scale)
    except ValidationError as error:
        first = first_of(error)
        raise BadValue(f"rating.{first.field}", first.reason) from None


def map_columns(
    columns: Sequence[str] | None,
    given: Mapping[str, str],
    values: Mapping[str, str],
    date_format: str | None = None,
) -> Mapped:
    """Map columns to fields: explicitly where given, otherwise by name.

    Args:
        columns: columns of the file; None when each row has its own.
        given: columns by field.
        values: constant value of a field, for all rows.
        date_format: format of times.

    Raises:
        ImportRefused: a field or a column does not exist, or no column is recognised.
    """
    for field in (*given, *values):
        if field not in FIELDS:
            close = difflib.get_close_matches(field, FIELDS, 3) or FIELDS
            raise ImportRefused(f"no field {field!r}; there are {', '.join(close)}")
    for column in given.values():
        if columns is not None and column not in columns:
            raise ImportRefused(f"no column {column!r}; there are {', '.join(columns)}")
    guessed = {} if columns is None else _guessed(columns, {*given.values()})
    # JSON that was written for Plaudit needs no mapping: its names are the fields' names.
    names = {field: field for field in FIELDS} if columns is None else {}
    if columns is not None and not (guessed or given):
        there = ", ".join(map(repr, columns))[:_SHOWN]
        raise ImportRefused(f"no column is known; there are {there}; see --map")
    return Mapped({**names, **guessed, **given}, dict(values), date_format)


def _guessed(columns: Sequence[str], taken: set[str]) -> dict[str, str]:
    free = {_plain(column): column for column in columns if column not in taken}
    found: dict[str, str] = {}
    for field, aliases in FIELDS.items():
        for alias in (field, *aliases):
            if _plain(alias) in free and field not in found:
                found[field] = free.pop(_plain(alias))
    return found


def _plain(name: str) -> str:
    return _SEPARATORS.sub(" ", name).strip().lower()


def _within(row: Values, path: Sequence[str]) -> object:
    """Return the value at a path of names."""
    found: object = row
    for name in path:
        if not isinstance(found, Mapping):
            return None
        found = found.get(name)
    return found
