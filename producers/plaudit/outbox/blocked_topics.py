"""Unwritable topics: their rows wait, and rows of other topics continue. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Final

from plaudit.kafka.errors import KafkaFailure, NotAuthorized, TopicProblem

TRY_AGAIN_S: Final = 10.0
"""Seconds for which the rows of such a topic are skipped; then one batch tests it again."""


class BlockedTopics:
    """Tracks unwritable topics by their names in the table.

    Args:
        now: monotonic clock in seconds.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._again_at: dict[str, float] = {}
        self.reasons: dict[str, KafkaFailure] = {}

    def take(self, failures: Mapping[str, KafkaFailure]) -> list[str]:
        """Mark topics as unwritable; return those that were not marked before."""
        found = {
            topic: failure
            for topic, failure in failures.items()
            if isinstance(failure, NotAuthorized | TopicProblem)
        }
        fresh = [topic for topic in found if topic not in self.reasons]
        self.reasons |= found
        self._again_at |= dict.fromkeys(found, self._now() + TRY_AGAIN_S)
        return fresh

    def opened(self, topics: Collection[str]) -> list[str]:
        """Unmark topics that were written to; return those that had been unwritable."""
        found = [topic for topic in topics if topic in self.reasons]
        for topic in found:
            del self.reasons[topic], self._again_at[topic]
        return found

    def left_out(self) -> list[str]:
        """Return the topics whose rows are skipped now."""
        now = self._now()
        return [topic for topic, again_at in self._again_at.items() if again_at > now]
