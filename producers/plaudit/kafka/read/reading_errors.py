"""Log of reading and commit errors: one line when an error begins, and one when it ends."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final

from confluent_kafka import KafkaError, TopicPartition

from plaudit.kafka.errors import KafkaFailure, translate
from plaudit.logs.logger import event_logger

_log = event_logger(__name__)

REBALANCING: Final = frozenset({"REBALANCE_IN_PROGRESS", "ILLEGAL_GENERATION"})
"""Errors of commits during a rebalance, which any member causes that joins or leaves."""


class ReadErrors:
    """Tracks current errors, so that each is logged once.

    Args:
        group: group of the consumer.
    """

    def __init__(self, group: str) -> None:
        self._group = group
        # By topic (empty: no particular one) and code.
        self._reading: dict[tuple[str, str], KafkaFailure] = {}
        self._committing: KafkaFailure | None = None

    @property
    def any(self) -> bool:
        """Whether an error is current."""
        return bool(self._reading)

    def failed(self, topic: str, failure: KafkaFailure) -> None:
        """Record that a topic can't be read at the moment."""
        if (topic, failure.code) not in self._reading:
            self._reading[topic, failure.code] = failure
            _log.warning("consumer.failed", extra={"error": str(failure)})

    def recovered(self, topics: Collection[str]) -> None:
        """Clear the errors of topics that deliver records again, and log it."""
        for trouble in [each for each in self._reading if each[0] in ("", *topics)]:
            _log.info("consumer.recovered", extra={"after": str(self._reading.pop(trouble))})

    def committed(
        self, error: KafkaError | None, places: Sequence[TopicPartition]
    ) -> list[TopicPartition]:
        """Process the result of a commit; return the offsets that failed."""
        failed = [(place, place.error or error) for place in places if place.error or error]
        failures = [
            translate(each, f"commit {place.topic} in group {self._group}")
            for place, each in failed
            if each is not None
        ]
        before = self._committing
        self._committing = failures[0] if failures else None
        if not failures:
            if before is not None:
                _log.info("offsets.commit_recovered", extra={"after": str(before)})
        elif before is None or before.code != failures[0].code:
            log_failed_commit(failures[0])
        return [place for place, _ in failed]


def log_failed_commit(failure: KafkaFailure) -> None:
    """Log a failed commit: as INFO if a rebalance caused it, otherwise as a warning."""
    if failure.code in REBALANCING:
        _log.info("offsets.commit_failed", extra={"error": str(failure)})
    else:
        _log.warning("offsets.commit_failed", extra={"error": str(failure)})
