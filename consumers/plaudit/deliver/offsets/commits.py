"""When a source commits, and what: the safe offset, and what is done above it."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from typing import Final

from plaudit.deliver.offsets.partition import Assignment
from plaudit.kafka.consumer import Consumer, Place
from plaudit.kafka.errors import KafkaFailure

_log = logging.getLogger(__name__)

COMMIT_EVERY_S: Final = 0.25
COMMIT_EVERY_RECORDS: Final = 1_000


class Committer:
    """Commits by time and by count; belongs to the source's thread.

    Args:
        consumer: the member that holds the partitions.
    """

    def __init__(self, consumer: Consumer) -> None:
        self._consumer = consumer
        self._done = 0
        self._due_at = 0.0

    def count(self, finished: int) -> None:
        """Take note of records that were finished."""
        self._done += finished

    def commit_if_due(self, assignments: Sequence[Assignment]) -> None:
        """Commit what changed, unless that was done a moment ago; it is not waited for."""
        now = time.monotonic()
        if now < self._due_at and self._done < COMMIT_EVERY_RECORDS:
            return
        self._due_at = now + COMMIT_EVERY_S
        self._done = 0
        places = {each: place for each in assignments if (place := each.change()) is not None}
        self._commit(places, wait=False)

    def commit_now(self, assignments: Sequence[Assignment]) -> None:
        """Commit everything of these, and wait for the answer."""
        self._commit({each: each.place() for each in assignments}, wait=True)

    def _commit(self, places: Mapping[Assignment, Place], *, wait: bool) -> None:
        """Commit; one that fails is no loss: what it would have said is done again."""
        if not places:
            return
        try:
            self._consumer.commit(
                {each.partition: place for each, place in places.items()}, wait=wait
            )
        except KafkaFailure as failure:
            _log.warning("offsets.commit_failed", extra={"error": str(failure)})
            return
        for each, place in places.items():
            each.committed(place)
