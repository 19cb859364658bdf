"""Numbers with their units, for people."""

from __future__ import annotations

from typing import Final

_UNITS: Final = (("d", 86_400_000), ("h", 3_600_000), ("min", 60_000), ("s", 1_000))
_SHOWN: Final = 2


def counted(number: int, noun: str) -> str:
    """Return a count with its noun, such as `1 replica` or `12 partitions`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def retention_text(millis: str | None) -> str:
    """Return a retention in its two largest units, such as `7 d 2 h`."""
    if millis is None or millis.startswith("-"):
        return "unlimited"
    rest, parts = int(millis), list[str]()
    for unit, size in _UNITS:
        number, rest = divmod(rest, size)
        if number and len(parts) < _SHOWN:
            parts.append(f"{number} {unit}")
    return " ".join(parts) or f"{millis} ms"
