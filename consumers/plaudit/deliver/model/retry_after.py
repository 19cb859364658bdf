"""`Retry-After` (RFC 9110 section 10.2.3): the wait that an answer asks for. Pure, for any bytes.

The value is seconds, or a date in one of the three forms of HTTP. Dates with a numeric zone, or
without the comma, are read as well, because receivers send them. Any other value is ignored: the
endpoint wrote it, so this code must not raise for it.
"""

from __future__ import annotations

import re
from datetime import date
from typing import Final

from plaudit.transport.answer import Answer

MOST_DIGITS: Final = 12
"""Digits of the seconds: 30,000 years, longer than any delivery lives."""
LONGEST_VALUE: Final = 64
"""Characters of a value; the longest date of RFC 9110 has 33."""
_DAY_MS: Final = 86_400_000
_EPOCH: Final = date(1970, 1, 1).toordinal()
_YEARS_OF_CENTURY: Final = 100
_FUTURE_YEARS: Final = 50
"""A year of two digits that is further ahead than this was meant in the past (RFC 9110)."""
_MONTHS: Final = {
    "jan": 1,
    "feb": 2,
    "mar": 3,
    "apr": 4,
    "may": 5,
    "jun": 6,
    "jul": 7,
    "aug": 8,
    "sep": 9,
    "oct": 10,
    "nov": 11,
    "dec": 12,
}
_ZONES: Final = frozenset({"", "gmt", "utc", "ut", "z"})
_TIME: Final = r"(?P<hour>\d\d):(?P<minute>\d\d)(?::(?P<second>\d\d))?"
_MONTH: Final = r"(?P<month>[a-z]{3})[a-z]*"
_DATE: Final = re.compile(
    # Wed, 21 Oct 2026 07:28:00 GMT, and Wednesday, 21-Oct-26 07:28:00 GMT
    rf"(?:[a-z]+,?\s+)?(?P<day>\d\d?)[ -]{_MONTH}[ -](?P<year>\d{{4}}|\d\d)\s+{_TIME}"
    r"(?:\s*(?P<zone>[a-z]+|[+-]\d{4}))?",
    re.ASCII | re.IGNORECASE,
)
_ASCTIME: Final = re.compile(
    # Wed Oct 21 07:28:00 2026
    rf"[a-z]+\s+{_MONTH}\s+(?P<day>\d\d?)\s+{_TIME}\s+(?P<year>\d{{4}})(?P<zone>)",
    re.ASCII | re.IGNORECASE,
)


def retry_after_ms(answer: Answer, now_ms: int) -> int:
    """Return the milliseconds that the answer asks to wait; 0: it does not ask."""
    value = next((value for name, value in answer.headers if name == "retry-after"), None)
    return 0 if value is None else parse_retry_after(value, now_ms)


def parse_retry_after(value: str, now_ms: int) -> int:
    """Return a header's value in milliseconds; 0 if it is invalid."""
    value = value.strip()
    if value.isascii() and value.isdigit():
        return int(value[:MOST_DIGITS]) * 1_000
    if len(value) > LONGEST_VALUE:
        return 0
    found = _DATE.fullmatch(value) or _ASCTIME.fullmatch(value)
    moment_ms = None if found is None else _epoch_ms(found, now_ms)
    return 0 if moment_ms is None else max(0, moment_ms - now_ms)


def _epoch_ms(found: re.Match[str], now_ms: int) -> int | None:
    """Return the time of a date in a valid form; None if the date does not exist."""
    month = _MONTHS.get(found["month"].lower())
    offset_minutes = _offset_minutes((found["zone"] or "").lower())
    hour, minute, second = int(found["hour"]), int(found["minute"]), int(found["second"] or 0)
    # 23:59:60 is a leap second.
    if month is None or offset_minutes is None or hour > 23 or minute > 59 or second > 60:  # noqa: PLR2004 - a clock's
        return None
    try:
        day = date(_year(found["year"], now_ms), month, int(found["day"])).toordinal()
    except ValueError:  # the 30th of February, the year 0
        return None
    seconds = (hour * 60 + minute - offset_minutes) * 60 + second
    return (day - _EPOCH) * _DAY_MS + seconds * 1_000


def _year(digits: str, now_ms: int) -> int:
    year = int(digits)
    if len(digits) > 2:  # noqa: PLR2004 - as the form says
        return year
    # A year of the Gregorian calendar has 365.2425 days; here a day more or less does not matter.
    this_year = 1970 + int(now_ms / (365.2425 * _DAY_MS))
    year += this_year - this_year % _YEARS_OF_CENTURY
    return year - _YEARS_OF_CENTURY if year > this_year + _FUTURE_YEARS else year


def _offset_minutes(zone: str) -> int | None:
    """Return the minutes by which a zone is ahead of UTC; None if the zone is unknown."""
    if zone in _ZONES:
        return 0
    if zone[0] not in "+-":
        return None
    minutes = int(zone[1:3]) * 60 + int(zone[3:5])
    return -minutes if zone[0] == "-" else minutes
