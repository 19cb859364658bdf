"""Workspaces with the most deliveries of a lane, in bounded memory and with few labels.

A frequent-items sketch counts them. At a thousand workspaces it subtracts the median from every
count, and drops those at zero. So a count is too low by at most a five-hundredth of all deliveries,
and a workspace with more than that is never missed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from heapq import nlargest
from typing import Final

MOST_COUNTED: Final = 1_000
"""Maximum workspaces that are counted, about 100 bytes each."""
MOST_SHOWN: Final = 10
"""Maximum samples of a scrape. A hundred thousand workspaces would be too many series for
Prometheus."""
WINDOW_S: Final = 60.0

Heaviest = list[tuple[str, int]]
"""Workspace ids with their counts, the largest first."""


class FrequentItems:
    """Counts of the most frequent keys.

    Args:
        most: maximum keys that are counted.
    """

    def __init__(self, most: int = MOST_COUNTED) -> None:
        self._most = most
        self._counts: dict[str, int] = {}

    def add(self, key: str) -> None:
        """Count a key."""
        counts = self._counts
        counts[key] = counts.get(key, 0) + 1
        if len(counts) > self._most:
            self._purge()

    def top(self, count: int) -> Heaviest:
        """Return the most frequent keys."""
        return nlargest(count, self._counts.items(), key=_second)

    def _purge(self) -> None:
        median = sorted(self._counts.values())[len(self._counts) // 2]
        self._counts = {
            key: count - median for key, count in self._counts.items() if count > median
        }


class HeavyWorkspaces:
    """Heaviest workspaces of a lane; belongs to the event loop's thread, any thread may read it.

    Attributes:
        settled: workspaces by settled deliveries in the last full minute; replaced as a whole.
        waiting: workspaces by deliveries in hand at its end; replaced as a whole.
    """

    def __init__(self, now_s: float) -> None:
        self._items = FrequentItems()
        self._ends_s = now_s + WINDOW_S
        self.settled: Heaviest = []
        self.waiting: Heaviest = []

    def add(self, workspace_id: str) -> None:
        """Count a settled delivery."""
        self._items.add(workspace_id)

    def is_over(self, now_s: float) -> bool:
        """Return whether the minute has ended."""
        return now_s >= self._ends_s

    def roll(self, now_s: float, in_hand: Iterable[str]) -> None:
        """Begin a new minute.

        Args:
            now_s: monotonic seconds.
            in_hand: the workspace of each delivery in hand.
        """
        self.settled = self._items.top(MOST_SHOWN)
        self.waiting = Counter(in_hand).most_common(MOST_SHOWN)
        self._items = FrequentItems()
        self._ends_s = now_s + WINDOW_S


def _second(pair: tuple[str, int]) -> int:
    return pair[1]
