"""Bars of a histogram: each value with its number, as a share of the largest."""

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
        number: how often it occurs.
        share: share of the largest number, from 0 to 100.
        url: list of what it counts; None: none.
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
