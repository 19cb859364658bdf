"""Times as files write them: ISO 8601, a format of strptime, or seconds since 1970, with zones.

strptime accepts the machine's own zones only, and ignores them. So names of zones are read here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

from plaudit.importer.errors import ImportRefused

EPOCH: Final = "epoch"
TimeOf = Callable[[str], datetime]
"""Parses a time; raises ValueError. A time without a zone is UTC."""

_HOURS: Final[dict[str, float]] = {
    name: hours
    for hours, names in (
        (-10, "HST"),
        (-9, "AKST"),
        (-8, "PST AKDT"),
        (-7, "MST PDT"),
        (-6, "CST MDT"),
        (-5, "EST CDT"),
        (-4, "EDT"),
        (0, "UTC UT GMT Z WET"),
        (1, "CET MEZ WEST"),
        (2, "EET CEST MESZ"),
        (3, "MSK EEST"),
        (8, "AWST SGT HKT"),
        (9, "JST KST"),
        (9.5, "ACST"),
        (10, "AEST"),
        (11, "AEDT"),
        (12, "NZST"),
        (13, "NZDT"),
    )
    for name in names.split()
}
"""Abbreviations with one meaning in practice: RFC 5322 for North America, the IANA database."""
_AMBIGUOUS: Final = {
    "BST": "Europe/London, Asia/Dhaka",
    "IST": "Asia/Kolkata, Europe/Dublin, Asia/Jerusalem",
    "AST": "America/Halifax, Asia/Riyadh",
    "ADT": "America/Halifax, Asia/Baghdad",
}
_TOKEN: Final = re.compile(r"[A-Za-z][A-Za-z0-9_+\-]*(?:/[A-Za-z0-9_+\-]+)*")
_DIRECTIVE: Final = re.compile(r"%.")
_ZONE_LIKE: Final = re.compile(r"[A-Z]{2,4}T")
_LAST: Final = 32_503_680_000  # the year 3000 in seconds; larger numbers are milliseconds


class ZoneUnknown(ValueError):
    """A time names a zone that has no meaning, or several."""


def reader_of(formats: Sequence[str]) -> TimeOf:
    """Return a parser for these formats, tried in order; ISO 8601 if there are none.

    Raises:
        ImportRefused: a format names a zone that has several meanings.
    """
    readers = [_reader(form) for form in formats] or [_from_iso]

    def read(text: str) -> datetime:
        failure = ValueError()
        for each in readers:
            try:
                found = each(text)
                return found if found.tzinfo else found.replace(tzinfo=UTC)
            except ZoneUnknown as unknown:
                failure = unknown
            except (ValueError, OverflowError, OSError):
                continue
        raise failure

    return read


def _reader(form: str) -> TimeOf:
    if form == EPOCH:
        return _from_epoch
    _check(form)
    written = _DIRECTIVE.sub("\0", form)
    zone = next(filter(None, map(_zone_in_format, _TOKEN.findall(written))), UTC)
    if "%Z" in form:
        return lambda text: _with_zone(text, form)
    return lambda text: _in(datetime.strptime(text, form), zone)  # noqa: DTZ007 - _in adds it


def _check(form: str) -> None:
    """Check the directives of a format.

    Raises:
        ImportRefused: strptime does not know one.
    """
    try:
        datetime.strptime("", form)  # noqa: DTZ007 - only the format is of interest
    except ValueError as error:
        if "does not match" not in str(error):
            raise ImportRefused(f"--date-format {form!r}: {error}") from None


def _zone_in_format(token: str) -> tzinfo | None:
    """Return the zone that a format has between its directives; other words are not zones."""
    if "/" not in token and not token.isupper():
        return None
    try:
        return zone_of(token)
    except ZoneUnknown as unknown:
        if token in _AMBIGUOUS or "/" in token or _ZONE_LIKE.fullmatch(token):
            raise ImportRefused(f"--date-format: {unknown}") from None
        return None


def _with_zone(text: str, form: str) -> datetime:
    """Parse a time by a format with `%Z`."""
    for token in reversed([*_TOKEN.finditer(text)]):
        try:
            # strptime knows UTC on every machine.
            as_utc = f"{text[: token.start()]}UTC{text[token.end() :]}"
            found = datetime.strptime(as_utc, form)  # noqa: DTZ007 - _in adds the zone
        except ValueError:
            continue
        return _in(found, zone_of(token[0]))
    raise ValueError(text)


def _in(found: datetime, zone: tzinfo) -> datetime:
    return found if found.tzinfo else found.replace(tzinfo=zone)


@lru_cache(maxsize=1_024)
def zone_of(name: str) -> tzinfo:
    """Return the zone: an abbreviation with one meaning, or a name such as `Europe/Berlin`.

    Raises:
        ZoneUnknown: it has no meaning, or several.
    """
    short = name.upper()
    if short in _AMBIGUOUS:
        raise ZoneUnknown(f"zone {name} has several meanings: {_AMBIGUOUS[short]}")
    if short in _HOURS:
        return timezone(timedelta(hours=_HOURS[short]))
    if "/" in name:
        try:
            return ZoneInfo(name)
        except (LookupError, ValueError, OSError):
            pass
    raise ZoneUnknown(f"zone {name} is unknown; use a zone such as CET or Europe/Berlin")


def _from_iso(text: str) -> datetime:
    """Parse ISO 8601; a name of a zone may follow."""
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        time, _, zone = text.rpartition(" ")
        if not _TOKEN.fullmatch(zone):
            raise
        return _in(datetime.fromisoformat(time.rstrip()), zone_of(zone))


def _from_epoch(text: str) -> datetime:
    number = float(text)
    return datetime.fromtimestamp(number if number < _LAST else number / 1_000, UTC)
