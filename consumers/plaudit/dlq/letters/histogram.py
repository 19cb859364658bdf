"""Histograms of dead letters."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from plaudit.dlq.letters.letter import Letter
from plaudit.records.names import Header
from plaudit.records.times import time_text

DAY_MS: Final = 86_400_000
BY: Final[Mapping[str, str]] = {
    "reason": Header.REASON,
    "endpoint": Header.ENDPOINT_ID,
    "type": "ce_type",
    "topic": Header.ORIGIN_TOPIC,
}
NONE: Final = "(none)"


class Histogram:
    """Counts letters by their headers.

    Attributes:
        total: number of letters.
    """

    def __init__(self) -> None:
        self.total = 0
        self._raw: dict[str, Counter[bytes | None]] = {name: Counter() for name in BY}
        self._days: Counter[int] = Counter()

    def add(self, letter: Letter) -> None:
        """Count a letter."""
        self.total += 1
        self._days[letter.dead_at_ms // DAY_MS] += 1
        for name, header in BY.items():
            self._raw[name][letter.raw(header)] += 1

    def counts(self) -> dict[str, dict[str, int]]:
        """Return the counts, largest first; days in chronological order."""
        found = {
            name: {_text(value): number for value, number in counter.most_common()}
            for name, counter in self._raw.items()
        }
        found["day"] = {_day(day): number for day, number in sorted(self._days.items())}
        return found


def _text(value: bytes | None) -> str:
    return NONE if value is None else value.decode("utf-8", "replace")


@lru_cache
def _day(number: int) -> str:
    return time_text(number * DAY_MS)[:10]
