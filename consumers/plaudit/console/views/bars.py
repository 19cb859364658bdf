"""Bars of a histogram, scaled to the largest."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

MOST_BARS: Final = 8


@dataclass(frozen=True, slots=True)
class ShareBar:
    """A value of a histogram.

    Attributes:
        text: the value, for people.
        number: its frequency.
        share: percentage of the largest number.
        url: address of the list of counted objects; None without one.
        more: description.
    """

    text: str
    number: int
    share: float
    url: str | None = None
    more: str | None = None


def bars(counted: Iterable[tuple[str, int, str | None, str | None]]) -> list[ShareBar]:
    """Return the bars of values with their number, address and description."""
    rows = [row for row in counted if row[1]][:MOST_BARS]
    largest = max((number for _, number, _, _ in rows), default=1)
    return [
        ShareBar(text, number, round(100 * number / largest, 1), url, more)
        for text, number, url, more in rows
    ]
