"""`RateLimit` fields: an endpoint's remaining quota, and its renewal. Pure; accepts any bytes.

Three forms are read, those of the drafts of draft-ietf-httpapi-ratelimit-headers and the older one:

```
RateLimit: "default";r=50;t=30
RateLimit: limit=100, remaining=50, reset=30
RateLimit-Remaining: 50 and RateLimit-Reset: 30, each also with `X-` before it
```

`X-RateLimit-Reset` is seconds from now with some servers and a moment with others. Up to a day it
is seconds, near the present it is a moment. Anything else is ignored, like every malformed value.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from plaudit.transport.answer import Answer

MOST_DIGITS: Final = 15
LONGEST_VALUE: Final = 512
"""Characters; a dozen quotas."""
DAY_S: Final = 86_400
_MS: Final = 1_000
_INITIALS: Final = b"rRxX"
_FIELDS: Final = frozenset(
    {
        "ratelimit",
        "ratelimit-remaining",
        "ratelimit-reset",
        "x-ratelimit-remaining",
        "x-ratelimit-reset",
    }
)
_QUOTED: Final = re.compile(r'"(?:[^"\\]|\\.)*"')


class Quota(NamedTuple):
    """Requests that an endpoint accepts before its quota is renewed.

    Attributes:
        remaining: requests that are left.
        reset_ms: milliseconds until the renewal.
    """

    remaining: int
    reset_ms: int


def quota_fields(answer: Answer) -> dict[str, str] | None:
    """Return the rate-limit fields of an answer, with names in lower case; None without any.

    It runs for every answer, so it first checks the initial letter, which few headers share.
    """
    fields: dict[str, str] | None = None
    for raw_name, raw_value in answer.raw_headers:
        if raw_name[:1] in _INITIALS:
            name = raw_name.decode("latin-1").lower()
            if name in _FIELDS:
                fields = {} if fields is None else fields
                fields.setdefault(name, raw_value.decode("latin-1"))
    return fields


def quota(answer: Answer, now_ms: int) -> Quota | None:
    """Return the quota in an answer; None: it has none, or an ambiguous one."""
    fields = quota_fields(answer)
    return None if fields is None else read_quota(fields, now_ms)


def read_quota(fields: dict[str, str], now_ms: int) -> Quota | None:
    """Return the quota in fields, whose names are in lower case."""
    found = _structured(fields.get("ratelimit", ""))
    if found is not None:
        return found
    for prefix in ("ratelimit-", "x-ratelimit-"):
        remaining = _number(fields.get(f"{prefix}remaining", ""))
        reset = _number(fields.get(f"{prefix}reset", ""))
        if remaining is not None and reset is not None:
            reset_ms = _reset_ms(reset, now_ms)
            return None if reset_ms is None else Quota(remaining, reset_ms)
    return None


def _structured(value: str) -> Quota | None:
    """Return the scarcest quota of a `RateLimit` field."""
    if not value or len(value) > LONGEST_VALUE:
        return None
    members = [_parameters(each) for each in _QUOTED.sub("", value).split(",")]
    quotas = [_quota_of(each, "r", "t") for each in members]
    whole: dict[str, str] = {}
    for member in members:
        whole.update(member)
    quotas.append(_quota_of(whole, "remaining", "reset"))
    return min((each for each in quotas if each is not None), default=None)


def _parameters(member: str) -> dict[str, str]:
    pairs = (each.partition("=") for each in member.split(";"))
    return {name.strip().lower(): value.strip() for name, _, value in pairs}


def _quota_of(parameters: dict[str, str], remaining: str, reset: str) -> Quota | None:
    count, seconds = _number(parameters.get(remaining, "")), _number(parameters.get(reset, ""))
    if count is None or seconds is None or seconds > DAY_S:
        return None
    return Quota(count, seconds * _MS)


def _number(text: str) -> int | None:
    text = text.strip()
    fits = len(text) <= MOST_DIGITS and text.isascii() and text.isdigit()
    return int(text) if fits else None


def _reset_ms(value: int, now_ms: int) -> int | None:
    """Return the milliseconds until a reset, which may be given as seconds or as a moment."""
    if value <= DAY_S:
        return value * _MS
    for moment_ms in (value * _MS, value):
        if abs(moment_ms - now_ms) <= DAY_S * _MS:
            return max(0, moment_ms - now_ms)
    return None
