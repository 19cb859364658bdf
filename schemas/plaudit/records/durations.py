"""Durations as people write them: `90s`, `15m`, `24h`, `7d`, or plain seconds."""

from __future__ import annotations

import re
from typing import Final

_FORM: Final = re.compile(
    r"(?P<count>[0-9]{1,9}(\.[0-9]{1,3})?|\.[0-9]{1,3}) ?(?P<unit>ms|s|m|h|d)?"
)
_UNIT_S: Final = {"ms": 0.001, "s": 1, "m": 60, "h": 3_600, "d": 86_400}


class DurationError(ValueError):
    """A text that is not a duration. The message names it and the expected forms."""


def seconds_of(text: str) -> float:
    """Parse `90s`, `15m`, `24h`, `7d`, `250ms`, or plain seconds such as `90` and `0.5`.

    Raises:
        DurationError: not of one of these forms.
    """
    found = _FORM.fullmatch(text.strip().lower())
    if found is None:
        msg = f"{text[:40]!r} is not a duration such as 90s, 15m, 24h, 7d, or a number of seconds"
        raise DurationError(msg)
    return float(found["count"]) * _UNIT_S[found["unit"] or "s"]


def duration_text(seconds: float) -> str:
    """Return a duration in its largest whole unit, such as `24h` for 86400."""
    for unit in ("d", "h", "m"):
        size = _UNIT_S[unit]
        # A day is more familiar as 24h.
        if seconds >= size * (2 if unit == "d" else 1) and seconds % size == 0:
            return f"{seconds / size:g}{unit}"
    return f"{seconds:g}s"
