"""Topics that can't be written to: their rows wait, and those of other topics go on. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Final

from plaudit.kafka.errors import KafkaFailure, NotAuthorized, TopicProblem

TRY_AGAIN_S: Final = 10.0
"""How long the rows of such a topic are left alone; then a batch is spent to see if it is open."""


class BlockedTopics:
    """Remembers them by their names in the table.

    Args:
        now: monotonic seconds.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._again_at: dict[str, float] = {}
        self.reasons: dict[str, KafkaFailure] = {}

    def take(self, failures: Mapping[str, KafkaFailure]) -> list[str]:
        """Leave alone what can't be written to; return the topics that were not known to be so."""
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
        """Forget topics that were written to; return those that had been shut."""
        found = [topic for topic in topics if topic in self.reasons]
        for topic in found:
            del self.reasons[topic], self._again_at[topic]
        return found

    def left_out(self) -> list[str]:
        """Return whose rows are to be left alone now."""
        now = self._now()
        return [topic for topic, again_at in self._again_at.items() if again_at > now]
