"""When the next batch may go, and writing it: what redrive, purge and replay have in common."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from plaudit.bulk.control import Control
from plaudit.bulk.guard import LAG_CAP, LagGuard
from plaudit.dlq.job.failure_watch import Watch
from plaudit.dlq.job.pacing import Pace
from plaudit.dlq.job.rules import Write
from plaudit.kafka.errors import TransactionAborted
from plaudit.kafka.read.consumer import CommittedOffset, Partition
from plaudit.kafka.write.transactions import TransactionalProducer

BATCH: Final = 1_000
BATCH_BYTES: Final = 4 * 1024 * 1024
LOOK_S: Final = 0.25
TRY_FOR_S: Final = 120.0
_AGAIN_S: Final = 0.5


@dataclass(frozen=True, slots=True)
class Limits:
    """How fast, how much and how far a job may go.

    Attributes:
        rate: records per second; None: as fast as it goes.
        endpoint_rate: the same, to each endpoint.
        most: records altogether; None: all.
        lag_cap: of `deliveries.now`, over which the job waits; 0: none.
        stop_after: failures in a row after which an endpoint gets nothing more; 0: never.
    """

    rate: float | None = None
    endpoint_rate: float | None = None
    most: int | None = None
    lag_cap: int = LAG_CAP
    stop_after: int = 20

    @property
    def batch(self) -> int:
        """Records in a transaction: no more than go in a quarter of a second, or than the cap."""
        size = BATCH if self.rate is None else min(BATCH, max(1, int(self.rate / 4)))
        return min(size, self.lag_cap) if self.lag_cap else size


@dataclass(frozen=True, slots=True)
class Throttle:
    """What holds a job back; purging has none of the last two."""

    limits: Limits
    guard: LagGuard | None = None
    watch: Watch | None = None


class Gate:
    """Lets batches go; waits happen here, and so between transactions.

    Args:
        brakes: what holds them back.
        control: stops the job.
    """

    def __init__(self, brakes: Throttle, control: Control) -> None:
        self._guard = brakes.guard
        self._watch = brakes.watch
        self._control = control
        self._pace = Pace(brakes.limits.rate, control.now)

    def may_go(self, count: int) -> bool:
        """Wait until so many may go; False when the job is asked to end meanwhile."""
        while not self._control.stopping:
            if self._watch is not None:
                self._watch.look()
            wait_s = self._pace.wait_s(count)
            guard = self._guard
            if wait_s <= 0 and guard is not None and guard.room() < count:
                self._control.listener.paused(
                    f"deliveries.now is {guard.cap:,} behind; are deliverers running?"
                )
                wait_s = LOOK_S
            if wait_s <= 0:
                self._control.listener.paused(None)
                return True
            self._control.wait(min(wait_s, LOOK_S))
        return False

    def went(self, count: int) -> None:
        """Take note of what was written."""
        self._pace.went(count)
        if self._guard is not None:
            self._guard.sent(count)
        if self._watch is not None:
            self._watch.sent(count)

    def failing(self, endpoint: str) -> str | None:
        """Return why nothing more goes to an endpoint, or to a topic; None: it may."""
        return None if self._watch is None else self._watch.why_not(endpoint)


def write_in_one(
    producer: TransactionalProducer,
    items: Sequence[Sequence[Write]],
    control: Control,
    progress: tuple[object, Mapping[Partition, CommittedOffset]] | None = None,
) -> set[int]:
    """Write items in one transaction; an item's records are there together or not at all.

    Args:
        producer: has been fenced.
        items: the records of each.
        control: ends the repetition of what was aborted.
        progress: a consumer's group and its offsets, committed along.

    Returns:
        The items that the brokers refuse for good; all others are written.

    Raises:
        TransactionAborted: nothing was written, for as long as it was tried.
        KafkaFailure: the job can't go on.
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
