"""Moves letters: batch by batch, each with its tombstones in one transaction.

Waits, whether for a rate, for deliverers to catch up or for brokers, happen between transactions:
an open one hides what is behind it from every reader.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from plaudit.dlq.actions import Action
from plaudit.dlq.control import Control
from plaudit.dlq.guard import LAG_CAP, LagGuard
from plaudit.dlq.letters import Letter
from plaudit.dlq.moves import Skip, Write, tombstone
from plaudit.dlq.outcomes import OutcomeWatch
from plaudit.dlq.pace import EndpointPaces, Pace
from plaudit.dlq.report import Report
from plaudit.kafka.errors import TransactionAborted
from plaudit.kafka.transactions import TransactionalProducer

BATCH: Final = 1_000
BATCH_BYTES: Final = 4 * 1024 * 1024
MOST_HELD: Final = 10_000
"""Letters that wait for their endpoint's rate; then the job waits with them."""
MOST_HELD_BYTES: Final = 64 * 1024 * 1024
TRY_FOR_S: Final = 120.0
_AGAIN_S: Final = 0.5
_LOOK_S: Final = 0.25


@dataclass(frozen=True, slots=True)
class Limits:
    """How fast, how much and how far a job may go.

    Attributes:
        rate: letters per second; None: as fast as it goes.
        endpoint_rate: the same, to each endpoint.
        most: letters altogether; None: all.
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
        """Letters in a transaction: no more than go in a quarter of a second, or than the cap."""
        size = BATCH if self.rate is None else min(BATCH, max(1, int(self.rate / 4)))
        return min(size, self.lag_cap) if self.lag_cap else size


@dataclass(frozen=True, slots=True)
class Brakes:
    """What holds a job back; purging has none of the last two."""

    limits: Limits
    guard: LagGuard | None = None
    watch: OutcomeWatch | None = None


class Mover:
    """Moves the letters of one job.

    Args:
        producer: has been fenced.
        topic: of the dead letters.
        action: what becomes of them.
        brakes: hold it back.
        control: stops it.
        report: is told what was done.
    """

    def __init__(
        self,
        producer: TransactionalProducer,
        topic: str,
        action: Action,
        brakes: Brakes,
        control: Control,
        report: Report,
    ) -> None:
        self._producer = producer
        self._topic = topic
        self._action = action
        self._brakes = brakes
        self._control = control
        self._report = report
        limits = brakes.limits
        self._size = limits.batch
        self._pace = Pace(limits.rate, control.now)
        self._paces = EndpointPaces(limits.endpoint_rate, control.now)
        self._held: list[tuple[float, int, Letter]] = []
        self._held_bytes = 0
        self._number = 0
        self._batch: list[Letter] = []
        self._batch_bytes = 0

    def run(self, letters: Iterable[Letter]) -> None:
        """Move letters until there are no more, or the job is stopped.

        Raises:
            KafkaFailure: the job can't go on; what was committed is moved, the rest stays.
        """
        for letter in letters:
            if self._control.stopping:
                return
            if not self._stays(letter):
                self._hold(letter)
            self._let_go(MOST_HELD, MOST_HELD_BYTES)
        self._let_go(0, 0)
        self._commit()

    def _hold(self, letter: Letter) -> None:
        """Give a letter the moment at which its endpoint's rate lets it go."""
        due = self._paces.due(self._action.endpoint(letter))
        self._number += 1
        heapq.heappush(self._held, (due, self._number, letter))
        self._held_bytes += letter.size

    def _let_go(self, most: int, most_bytes: int) -> None:
        """Move what is due; while more is held than that, wait for it."""
        while self._held and not self._control.stopping:
            wait_s = self._held[0][0] - self._control.now()
            if wait_s > 0:
                if len(self._held) <= most and self._held_bytes <= most_bytes:
                    return
                self._commit()
                self._control.wait(min(wait_s, _LOOK_S))
                continue
            _, _, letter = heapq.heappop(self._held)
            self._held_bytes -= letter.size
            self._batch.append(letter)
            self._batch_bytes += letter.size
            if len(self._batch) >= self._size or self._batch_bytes >= BATCH_BYTES:
                self._commit()

    def _commit(self) -> None:
        batch, self._batch, self._batch_bytes = self._batch, [], 0
        if not batch or not self._may_go(len(batch)):
            return
        batch = [letter for letter in batch if not self._stays(letter)]
        self._action.before(batch)
        moved = self._write(batch)
        self._report.moved += len(moved)
        self._control.listener.moved(len(moved))
        self._pace.went(len(moved))
        if self._brakes.guard is not None:
            self._brakes.guard.sent(len(moved))

    def _may_go(self, count: int) -> bool:
        """Wait until so many may go; False when the job is asked to end meanwhile."""
        while not self._control.stopping:
            if self._brakes.watch is not None:
                self._brakes.watch.look()
            wait_s = self._pace.wait_s(count)
            guard = self._brakes.guard
            if wait_s <= 0 and guard is not None and guard.room() < count:
                self._control.listener.paused(
                    f"deliveries.now is {guard.cap:,} behind; are deliverers running?"
                )
                wait_s = _LOOK_S
            if wait_s <= 0:
                self._control.listener.paused(None)
                return True
            self._control.wait(min(wait_s, _LOOK_S))
        return False

    def _stays(self, letter: Letter) -> bool:
        """Return whether a letter is not moved after all, and take note of it."""
        reason = self._action.skip(letter) or self._failing(letter)
        if reason is None:
            return False
        self._stay(reason)
        return True

    def _failing(self, letter: Letter) -> Skip | None:
        watch, endpoint = self._brakes.watch, self._action.endpoint(letter)
        if watch is None or not endpoint:
            return None
        watch.sends_to(endpoint)
        if not watch.streaks.failing(endpoint):
            return None
        self._report.endpoints.setdefault(endpoint, watch.streaks.why(endpoint))
        return Skip.FAILING

    def _stay(self, reason: Skip) -> None:
        self._report.skipped[reason] += 1
        self._control.listener.moved(1)

    def _write(self, batch: Sequence[Letter]) -> Sequence[Letter]:
        """Write a batch; what is aborted is tried again, what is refused stays a dead letter."""
        deadline = self._control.now() + TRY_FOR_S
        while batch:
            sent: list[Letter] = []
            try:
                with self._producer.transaction() as transaction:
                    for letter in batch:
                        for write in self._writes(letter):
                            transaction.send(*write)
                            sent.append(letter)
            except TransactionAborted as aborted:
                refused = {id(sent[number]) for number in aborted.refused}
                for _ in refused:
                    self._stay(Skip.TOO_LARGE)
                batch = [letter for letter in batch if id(letter) not in refused]
                if not refused and self._control.now() > deadline:
                    raise
                if not refused and self._control.stopping:
                    return ()
                self._control.wait(_AGAIN_S)
            else:
                return batch
        return batch

    def _writes(self, letter: Letter) -> Iterator[Write]:
        write = self._action.write(letter)
        if write is not None:
            yield write
        yield tombstone(self._topic, letter)
