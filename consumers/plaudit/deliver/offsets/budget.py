"""How much the sources of one lane may have in hand together."""

from __future__ import annotations

from typing import Final

from plaudit.deliver.offsets.assignments import Assignments

MOST_RECORDS: Final = 10_000
MOST_BYTES: Final = 64 * 1024 * 1024


class Budget:
    """Adds up what the sources of a lane hold; each source counts in its own thread.

    Sources don't wait for each other's counts, so several may each take one batch too many.

    Args:
        most_records: records handed over and not finished; at most so many.
        most_bytes: the sum of their values.
    """

    def __init__(self, most_records: int = MOST_RECORDS, most_bytes: int = MOST_BYTES) -> None:
        self._most_records = most_records
        self._most_bytes = most_bytes
        self._holdings: list[Assignments] = []

    def share(self, holdings: Assignments) -> None:
        """Count what this source holds, too."""
        self._holdings.append(holdings)

    @property
    def records(self) -> int:
        """Records handed over and not finished."""
        return sum([each.in_hand for each in self._holdings])

    @property
    def has_room(self) -> bool:
        """Whether more may be read."""
        return self.fill < 1

    @property
    def fill(self) -> float:
        """The part that is taken."""
        in_bytes = sum([each.bytes_in_hand for each in self._holdings])
        return max(self.records / self._most_records, in_bytes / self._most_bytes)
