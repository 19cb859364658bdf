"""Batch writer of a job: a batch of letters and their tombstones in one transaction.

The job waits (for a rate, for workers or for brokers) only between transactions, because an open
transaction hides later records from every reader.
"""

from __future__ import annotations

import heapq
import time
from collections.abc import Iterable
from typing import Final

from plaudit.bulk.control import Control
from plaudit.dlq.job.actions import Action, skip_reason
from plaudit.dlq.job.pacing import EndpointPaces
from plaudit.dlq.job.report import Report
from plaudit.dlq.job.rules import LetterWrite, Skip, tombstone
from plaudit.dlq.job.throttle import BATCH_BYTES, LOOK_S, SendGate, Throttle, write_in_one
from plaudit.dlq.letters.letter import Letter
from plaudit.kafka.errors import KafkaFailure
from plaudit.kafka.write.transactions import TransactionalProducer
from plaudit.logs.logger import event_logger
from plaudit.records.trace_context import read_trace
from plaudit.tracing.batch import Batch, write_batch
from plaudit.tracing.writer import Tracing

_log = event_logger(__name__)

MOST_HELD: Final = 10_000
"""Maximum number of letters that wait for their endpoint's rate; above it, the job waits."""
MOST_HELD_BYTES: Final = 64 * 1024 * 1024


class LetterBatchWriter:
    """Moves the letters of one job.

    Args:
        producer: a fenced producer.
        topic: dead-letter topic.
        action: action for the letters.
        throttle: throttle of the job.
        control: stops the job.
        report: receives the counts.
        tracing: records a span for each batch; None: tracing is off.
    """

    def __init__(
        self,
        producer: TransactionalProducer,
        topic: str,
        action: Action,
        throttle: Throttle,
        control: Control,
        report: Report,
        tracing: Tracing | None = None,
    ) -> None:
        self._tracing = tracing
        self._producer = producer
        self._topic = topic
        self._action = action
        self._control = control
        self._report = report
        self._gate = SendGate(throttle, control)
        self._size = throttle.limits.batch
        self._paces = EndpointPaces(throttle.limits.endpoint_rate, control.now)
        self._held: list[tuple[float, int, int, Letter]] = []
        self._held_bytes = 0
        self._number = 0
        self._batch: list[Letter] = []
        self._batch_bytes = 0

    def run(self, letters: Iterable[Letter]) -> None:
        """Move letters until none are left or the job is stopped.

        Raises:
            KafkaFailure: the job can't continue; committed batches have moved, other letters stay.
        """
        for letter in letters:
            if self._control.stopping:
                return
            if self._failing(letter):
                self._stay(Skip.FAILING)
            else:
                self._hold(letter)
            self._let_go(MOST_HELD, MOST_HELD_BYTES)
        self._let_go(0, 0)
        self._commit()

    def _hold(self, letter: Letter) -> None:
        """Keep a letter until the time at which its endpoint's rate admits it."""
        due = self._paces.due(self._action.endpoint(letter))
        self._number += 1
        size = letter.size
        heapq.heappush(self._held, (due, self._number, size, letter))
        self._held_bytes += size

    def _let_go(self, most: int, most_bytes: int) -> None:
        """Move the letters that are due; wait while too many are waiting."""
        while self._held and not self._control.stopping:
            wait_s = self._held[0][0] - self._control.now()
            if wait_s > 0:
                if len(self._held) <= most and self._held_bytes <= most_bytes:
                    return
                self._commit()
                self._control.wait(min(wait_s, LOOK_S))
                continue
            _, _, size, letter = heapq.heappop(self._held)
            self._held_bytes -= size
            self._batch.append(letter)
            self._batch_bytes += size
            if len(self._batch) >= self._size or self._batch_bytes >= BATCH_BYTES:
                self._commit()

    def _commit(self) -> None:
        batch, self._batch, self._batch_bytes = self._batch, [], 0
        if not batch or not self._gate.wait_for_room(len(batch)):
            return
        batch = [letter for letter in batch if not self._has_to_stay(letter)]
        written = [(letter, self._writes(letter)) for letter in batch]
        batch = [letter for letter, writes in written if writes]
        items = [writes for _, writes in written if writes]
        self._action.before(batch)
        began_ns = time.time_ns()
        refused = write_in_one(self._producer, items, self._control)
        contexts = (read_trace(letter.headers) for letter in batch)
        done = Batch(self._action.name, self._topic, len(batch), began_ns, contexts)
        write_batch(self._tracing, done)
        for _ in refused:
            self._stay(Skip.TOO_LARGE)
        moved = len(batch) - len(refused)
        self._report.moved += moved
        self._control.listener.moved(moved)
        self._gate.count_sent(moved)

    def _has_to_stay(self, letter: Letter) -> bool:
        """Return whether a chosen letter now has a reason to stay, and count it."""
        reason = skip_reason(self._action, letter)
        if reason is None and self._failing(letter):
            reason = Skip.FAILING
        if reason is not None:
            self._stay(reason)
        return reason is not None

    def _failing(self, letter: Letter) -> bool:
        endpoint = self._action.endpoint(letter)
        why = self._gate.failing(endpoint)
        if why is not None:
            self._report.endpoints.setdefault(endpoint, why)
        return why is not None

    def _stay(self, reason: Skip) -> None:
        self._report.skipped[reason] += 1
        self._control.listener.moved(1)

    def _writes(self, letter: Letter) -> tuple[LetterWrite, ...]:
        """Return a letter's records and tombstone; empty if they can't be built."""
        end = tombstone(self._topic, letter)
        try:
            write = self._action.write(letter)
        except KafkaFailure:
            raise
        except Exception:  # noqa: BLE001 - logged; a bad letter must not block the others
            _log.exception("letter.unusable", extra={"letter": letter.id})
            self._stay(Skip.UNUSABLE)
            return ()
        return (end,) if write is None else (write, end)
