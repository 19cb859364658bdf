"""Committer of a consumer thread: the safe offset, and a bitmap of completions above it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Final, Protocol

from plaudit.deliver.offsets.assignment import Assignment
from plaudit.kafka.errors import KafkaFailure
from plaudit.kafka.read.consumer import CommittedOffset, Partition
from plaudit.kafka.read.reading_errors import REBALANCING, log_failed_commit

COMMIT_EVERY_S: Final = 0.25
COMMIT_EVERY_RECORDS: Final = 1_000
LAST_COMMIT_S: Final = 5.0


class Commits(Protocol):
    """Consumer, as the committer needs it."""

    def commit(self, places: Mapping[Partition, CommittedOffset], *, wait: bool) -> None:
        """Commit offsets with their metadata; raises KafkaFailure."""
        ...


class Committer:
    """Commits by time and by count; belongs to the consumer thread.

    Args:
        consumer: the member that holds the partitions.
    """

    def __init__(self, consumer: Commits) -> None:
        self._consumer = consumer
        self._done = 0
        self._due_at = 0.0
        # The code of the latest failure, so that it is logged once.
        self._logged: str | None = None

    def count(self, finished: int) -> None:
        """Count finished records."""
        self._done += finished

    def commit_if_due(self, assignments: Sequence[Assignment]) -> None:
        """Commit changes without waiting, unless that was done a moment ago."""
        now = time.monotonic()
        if now < self._due_at and self._done < COMMIT_EVERY_RECORDS:
            return
        self._due_at = now + COMMIT_EVERY_S
        self._done = 0
        places = {each: place for each in assignments if (place := each.change()) is not None}
        self._commit(places, wait=False)

    def commit_now(self, assignments: Sequence[Assignment]) -> KafkaFailure | None:
        """Commit these and wait for the answer; return the failure, if any."""
        return self._commit({each: each.place() for each in assignments}, wait=True)

    def commit_last(
        self, held: Callable[[], Sequence[Assignment]], finish_rebalance: Callable[[], None]
    ) -> None:
        """Commit everything before leaving; if a rebalance refuses, let it finish first.

        Args:
            held: returns the assignments; a rebalance changes them.
            finish_rebalance: polls once.
        """
        deadline = time.monotonic() + LAST_COMMIT_S
        while True:
            refusal = self.commit_now(held())
            if refusal is None or refusal.code not in REBALANCING or time.monotonic() > deadline:
                return
            finish_rebalance()

    def _commit(
        self, places: Mapping[Assignment, CommittedOffset], *, wait: bool
    ) -> KafkaFailure | None:
        """Commit; a failed commit is harmless: its records are delivered again."""
        if not places:
            return None
        try:
            self._consumer.commit(
                {each.partition: place for each, place in places.items()}, wait=wait
            )
        except KafkaFailure as failure:
            if failure.code != self._logged:
                self._logged = failure.code
                log_failed_commit(failure)
            return failure
        self._logged = None
        for each, place in places.items():
            each.committed(place)
        return None
