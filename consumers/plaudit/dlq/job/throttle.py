"""Throttle and transactional writer, shared by redrive, purge and replay."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from plaudit.bulk.control import Control
from plaudit.bulk.guard import LAG_CAP, LagGuard
from plaudit.dlq.job.failure_watch import FailureWatch
from plaudit.dlq.job.pacing import Pace
from plaudit.dlq.job.rules import LetterWrite
from plaudit.kafka.errors import TransactionAborted
from plaudit.kafka.read.consumer import CommittedOffset, Partition
from plaudit.kafka.write.transactions import TransactionalProducer

BATCH: Final = 1_000
BATCH_BYTES: Final = 4 * 1024 * 1024
LOOK_S: Final = 0.25
TRY_FOR_S: Final = 120.0
_AGAIN_S: Final = 0.5


@dataclass(frozen=True, slots=True)
class JobLimits:
    """Limits of a job.

    Attributes:
        rate: records per second; None means unlimited.
        endpoint_rate: records per second for each endpoint; None means unlimited.
        most: maximum number of records; None means unlimited.
        lag_cap: lag of `deliveries.now` above which the job waits; 0 means unlimited.
        stop_after: consecutive failures that end sending to an endpoint; 0: unlimited.
    """

    rate: float | None = None
    endpoint_rate: float | None = None
    most: int | None = None
    lag_cap: int = LAG_CAP
    stop_after: int = 20

    @property
    def batch(self) -> int:
        """Maximum records of a transaction: those of a quarter of a second, up to BATCH."""
        size = BATCH if self.rate is None else min(BATCH, max(1, int(self.rate / 4)))
        return min(size, self.lag_cap) if self.lag_cap else size


@dataclass(frozen=True, slots=True)
class Throttle:
    """Objects that slow a job down; a purge lacks the last two."""

    limits: JobLimits
    guard: LagGuard | None = None
    watch: FailureWatch | None = None


class SendGate:
    """Delays batches, always between transactions.

    Args:
        throttle: limits and watches of the job.
        control: stops the job.
    """

    def __init__(self, throttle: Throttle, control: Control) -> None:
        self._guard = throttle.guard
        self._watch = throttle.watch
        self._control = control
        self._pace = Pace(throttle.limits.rate, control.now)

    def wait_for_room(self, count: int) -> bool:
        """Wait until this many records may be sent; return False if the job is stopped."""
        while not self._control.stopping:
            if self._watch is not None:
                self._watch.poll()
            wait_s = self._pace.wait_s(count)
            guard = self._guard
            if wait_s <= 0 and guard is not None and guard.room() < count:
                self._control.listener.paused(
                    f"deliveries.now is {guard.cap:,} behind; are workers running?"
                )
                wait_s = LOOK_S
            if wait_s <= 0:
                self._control.listener.paused(None)
                return True
            self._control.wait(min(wait_s, LOOK_S))
        return False

    def count_sent(self, count: int) -> None:
        """Count written records."""
        self._pace.count_sent(count)
        if self._guard is not None:
            self._guard.sent(count)
        if self._watch is not None:
            self._watch.sent(count)

    def failing(self, endpoint: str) -> str | None:
        """Return why to stop sending to an endpoint, or to a topic; None to continue."""
        return None if self._watch is None else self._watch.stop_reason(endpoint)


def write_in_one(
    producer: TransactionalProducer,
    items: Sequence[Sequence[LetterWrite]],
    control: Control,
    progress: tuple[object, Mapping[Partition, CommittedOffset]] | None = None,
) -> set[int]:
    """Write items in one transaction, each item completely or not at all.

    Args:
        producer: a fenced producer.
        items: records of each item.
        control: ends the retries of an aborted transaction.
        progress: a consumer group and its offsets, committed in the transaction.

    Returns:
        The indexes of items that the brokers will never accept; all others are written.

    Raises:
        TransactionAborted: nothing was written, even after retries.
        KafkaFailure: the job can't continue.
    """
    deadline = control.now() + TRY_FOR_S
    refused: set[int] = set()
    while True:
        sent: list[int] = []
        try:
            with producer.transaction() as transaction:
                for number, writes in enumerate(items):
                    if number not in refused:
                        for write in writes:
                            transaction.send(*write)
                            sent.append(number)
                if progress is not None:
                    transaction.consumed(*progress)
        except TransactionAborted as aborted:
            if aborted.refused:
                refused |= {sent[number] for number in aborted.refused}
            elif control.stopping or control.now() > deadline:
                raise
            else:
                control.wait(_AGAIN_S)
        else:
            return refused
