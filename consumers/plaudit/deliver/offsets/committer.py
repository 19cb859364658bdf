"""Committer of a consumer thread: commits the safe offset, with a bitmap of completions above it.

A kill repeats what was done and not committed. So a commit follows a completion within
`COMMIT_EVERY_S`, and the bound is in time and not in records: 25,000 deliveries a second finish
1,000 in 40 ms. One commit is under way at a time, so that slow brokers get fewer of them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Final, Protocol

from plaudit.deliver.offsets.assignment import Assignment
from plaudit.deliver.offsets.assignments import Assignments
from plaudit.kafka.errors import KafkaFailure
from plaudit.kafka.read.consumer import CommittedOffset, Partition
from plaudit.kafka.read.reading_errors import REBALANCING, log_failed_commit

COMMIT_EVERY_S: Final = 0.04
LOOK_EVERY_S: Final = 0.25
"""At all partitions: a gap at the end of a log is stepped over without a completion."""
LOOK_AT_REST_S: Final = 1.0
"""The same while the lane has nothing in hand."""
ANSWERED_WITHIN_S: Final = 0.25
"""Without an answer for this time, the next commit is made all the same. While a revocation waits,
answers are not read."""
LAST_COMMIT_S: Final = 5.0


class Commits(Protocol):
    """Part of a consumer that the committer needs."""

    def commit(self, places: Mapping[Partition, CommittedOffset], *, wait: bool) -> None:
        """Commit offsets with their metadata; raises KafkaFailure."""
        ...


class Committer:
    """Commits changes within a moment; belongs to the consumer thread.

    Args:
        consumer: the member that holds the partitions.
    """

    def __init__(self, consumer: Commits) -> None:
        self._consumer = consumer
        self._due_at = 0.0
        self._look_at = 0.0
        # When a commit without an answer stops holding back the next; None: all are answered.
        self._answer_until: float | None = None
        # Code of the latest failure, which is logged once.
        self._logged: str | None = None

    @property
    def waits_for_answer(self) -> bool:
        """Whether a commit is due, and held back by one that is not answered."""
        return self._answer_until is not None and time.monotonic() >= self._due_at

    def answered(self) -> None:
        """Note that the brokers have answered the commit under way."""
        self._answer_until = None

    def commit_if_due(self, holdings: Assignments) -> None:
        """Commit changes without waiting, if the commit interval has passed."""
        now = time.monotonic()
        if now < self._due_at or (self._answer_until is not None and now < self._answer_until):
            return
        changed: Sequence[Assignment] = holdings.take_changed()
        if now >= self._look_at:
            self._look_at = now + (LOOK_EVERY_S if holdings.in_hand else LOOK_AT_REST_S)
            changed = tuple(holdings.held.values())
        places = {each: place for each in changed if (place := each.change()) is not None}
        if places:
            self._due_at = now + COMMIT_EVERY_S
            self._answer_until = now + ANSWERED_WITHIN_S
            if self._commit(places, wait=False) is not None:
                self.answered()

    def commit_now(self, assignments: Sequence[Assignment]) -> KafkaFailure | None:
        """Commit these and wait for the answer; return the failure, if any."""
        return self._commit({each: each.place() for each in assignments}, wait=True)

    def commit_last(
        self, held: Callable[[], Sequence[Assignment]], finish_rebalance: Callable[[], None]
    ) -> None:
        """Commit everything before leaving; if a rebalance prevents it, finish the rebalance first.

        Args:
            held: returns the assignments, which a rebalance changes.
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
        """Commit. A failed commit is harmless: its records are delivered again."""
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
