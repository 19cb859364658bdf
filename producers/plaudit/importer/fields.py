"""From columns to the fields of a review: which is which, and how values are read."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Final

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
"""What a review is made of, and the columns that are taken for it without being told."""

_SEPARATORS: Final = re.compile(r"[\s_\-.]+")
_RATING: Final = re.compile(r"\s*(\d+(?:[.,]\d+)?)\s*(?:(?:/|of|out of)\s*(\d+))?\s*")
_TRUE: Final = frozenset({"true", "yes", "y", "1", "x"})
_FALSE: Final = frozenset({"false", "no", "n", "0", ""})
_LAST: Final = 32_503_680_000  # the year 3000 in seconds; more are milliseconds


class BadValue(ValueError):
    """A value that can't be read.

    Attributes:
        field: what it was to become.
    """

    def __init__(self, field: str, reason: str) -> None:
        self.field = field
        super().__init__(f"{field}: {reason}")


@dataclass(frozen=True)
class Mapped:
    """Where each field's value comes from.

    Attributes:
        columns: the column of a field; in JSON, a path with dots.
        values: what a field is in every row.
        date_format: as `strptime` takes it; None: ISO 8601.
    """

    columns: Mapping[str, str]
    values: Mapping[str, str]
    date_format: str | None = None

    def value(self, row: Mapping[str, Any], field: str) -> object:
        """Return a field's value as it stands in the row; None when there is none."""
        column = self.columns.get(field)
        if column is not None:
            found = _at(row, column)
            if found is not None and found != "":
                return found
        return self.values.get(field)

    def text(self, row: Mapping[str, Any], field: str) -> str | None:
        """Return a field's value as text.

        Raises:
            BadValue: it is a list or an object, or in another encoding.
        """
        value = self.value(row, field)
        if value is None:
            return None
        if isinstance(value, str):
            text = value.strip()
        elif isinstance(value, bool | int | float | Decimal):
            text = str(value)
        else:
            raise BadValue(field, "is a list or an object")
        if not text.isascii() and any("\udc80" <= each <= "\udcff" for each in text):
            raise BadValue(field, "has bytes that are none of the file's encoding; see --encoding")
        return text or None

    def moment(self, row: Mapping[str, Any], field: str) -> datetime | None:
        """Return a time; without a zone it is taken for UTC.

        Raises:
            BadValue: it is none.
        """
        text = self.text(row, field)
        if text is None:
            return None
        try:
            found = self._time(text)
        except (ValueError, OverflowError, OSError):
            wanted = self.date_format or "2026-11-24 or 2026-11-24T16:00:00Z"
            raise BadValue(field, f"no time of the form {wanted}; see --date-format") from None
        return found if found.tzinfo else found.replace(tzinfo=UTC)

    def _time(self, text: str) -> datetime:
        if self.date_format == "epoch":
            number = float(text)
            return datetime.fromtimestamp(number if number < _LAST else number / 1_000, UTC)
        if self.date_format is not None:
            return datetime.strptime(text, self.date_format)  # noqa: DTZ007 - the caller adds UTC
        return datetime.fromisoformat(text)

    def flag(self, row: Mapping[str, Any], field: str) -> bool:
        """Return a yes or no; without a value, no.

        Raises:
            BadValue: it is neither.
        """
        text = (self.text(row, field) or "").lower()
        if text in _TRUE:
            return True
        if text not in _FALSE:
            raise BadValue(field, "neither yes nor no")
        return False

    def rating(self, row: Mapping[str, Any], scale: int) -> dict[str, Any] | None:
        """Return a rating such as `4`, `4.5`, `4,5` or `4/5`; None when there is none.

        Raises:
            BadValue: it is none.
        """
        text = self.text(row, "rating")
        if text is None:
            return None
        found = _RATING.fullmatch(text)
        if found is None:
            raise BadValue("rating", "no rating such as 4, 4.5 or 4/5")
        given = found[2] or self.text(row, "rating_scale")
        try:
            return {
                "value": Decimal(found[1].replace(",", ".")),
                "scale_max": scale if given is None else int(given),
            }
        except (InvalidOperation, ValueError):
            raise BadValue("rating_scale", "no whole number") from None

    def words(self, row: Mapping[str, Any], field: str) -> tuple[str, ...]:
        """Return several words: a list, or a text with commas or semicolons between them."""
        value = self.value(row, field)
        if isinstance(value, list):
            return tuple(str(each).strip() for each in value)
        text = self.text(row, field)
        if text is None:
            return ()
        return tuple(each.strip() for each in re.split("[,;|]", text) if each.strip())


def map_columns(
    columns: Sequence[str] | None,
    given: Mapping[str, str],
    values: Mapping[str, str],
    date_format: str | None = None,
) -> Mapped:
    """Decide which column is which field: as told, and else by their names.

    Args:
        columns: of the file; None when each row has its own.
        given: columns by field.
        values: what a field is in every row.
        date_format: of times.

    Raises:
        ImportRefused: a field or a column that there is not.
    """
    for field in (*given, *values):
        if field not in FIELDS:
            close = difflib.get_close_matches(field, FIELDS, 3) or FIELDS
            raise ImportRefused(f"no field {field!r}; there are {', '.join(close)}")
    for column in given.values():
        if columns is not None and column not in columns:
            raise ImportRefused(f"no column {column!r}; there are {', '.join(columns)}")
    guessed = {} if columns is None else _guessed(columns, {*given.values()})
    # JSON that was written for us needs no mapping: its names are the fields'.
    names = {field: field for field in FIELDS} if columns is None else {}
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


def _at(row: Mapping[str, Any], column: str) -> object:
    """Return what stands in a column, or at a path of names with dots."""
    if column in row:
        return row[column]
    found: object = row
    for name in column.split("."):
        if not isinstance(found, Mapping):
            return None
        found = found.get(name)
    return found
