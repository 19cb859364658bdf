"""Relay from a table to Kafka: in order per key, at least once, one batch per round trip.

A row leaves the table after the brokers have acknowledged it. A crash in between repeats it with
the same event id. A row that can't be published is set aside with its reason; other rows continue.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from plaudit.kafka.errors import BufferFull, KafkaFailure, KafkaUnavailable
from plaudit.kafka.write.producer import Ack, Producer, SendFailure
from plaudit.outbox.queue import Queue
from plaudit.outbox.rows import Outcome, Row, Unfit, Verdict, judge

_LOOK_S: Final = 0.2


@dataclass(frozen=True, slots=True)
class Moved:
    """Result of one batch.

    Attributes:
        published: number of acknowledged rows.
        refusals: reasons of rows that can never be published, by row number.
        kept: number of rows that stay for the next batch.
        failure: first reason why rows stay.
        failures: first reason for each topic, by its name in the table.
        topics: topics that were written to.
    """

    published: int = 0
    refusals: Sequence[tuple[int, str]] = ()
    kept: int = 0
    failure: KafkaFailure | None = None
    failures: Mapping[str, KafkaFailure] = field(default_factory=dict)
    topics: Collection[str] = ()

    @property
    def settled(self) -> int:
        """Number of finished rows."""
        return self.published + len(self.refusals)


class Relay:
    """Moves rows; the caller must have acquired the queue.

    Args:
        queue: the rows.
        producer: producer to write with. Its records should not time out, or rows of a key may be
            reordered in the topic before the order is corrected.
    """

    def __init__(self, queue: Queue, producer: Producer) -> None:
        self._queue = queue
        self._producer = producer
        self._unsettled: Verdict | None = None

    def move(self, give_up: Callable[[], bool]) -> Moved:
        """Move one batch.

        Args:
            give_up: polled while acknowledgements are pending. True ends the wait; unacknowledged
                rows
                stay.

        Raises:
            OutboxFailure: the database failed; published rows are settled with the next batch.
            KafkaFailure: the producer is closed or was created before a fork.
        """
        if self._unsettled is not None:
            self._settle(self._unsettled)
        rows = self._queue.batch()
        if not rows:
            return Moved()
        verdict = judge(rows, self._send(rows, give_up))
        self._settle(verdict)
        failure = verdict.failure
        if verdict.kept and failure is None:
            doing = "relay the outbox"
            failure = KafkaUnavailable(doing, "not acknowledged yet")
        return Moved(
            len(verdict.published),
            verdict.refused,
            verdict.kept,
            failure,
            verdict.failures,
            verdict.topics,
        )

    def _settle(self, verdict: Verdict) -> None:
        """Remove rows from the table; remember failed removals for the next batch."""
        self._unsettled = verdict
        self._queue.settle(verdict)
        self._unsettled = None

    def _send(self, rows: Sequence[Row | Unfit], give_up: Callable[[], bool]) -> list[Outcome]:
        reports = _Reports(len(rows))
        for place, row in enumerate(rows):
            if isinstance(row, Unfit):
                reports.count_down()
            elif not self._send_one(row, partial(reports.on_ack, place), give_up):
                break
        while not reports.complete(_LOOK_S) and not give_up():
            pass
        return reports.outcomes()

    def _send_one(
        self, row: Row, on_ack: Callable[[Ack | SendFailure], None], give_up: Callable[[], bool]
    ) -> bool:
        """Send a row, waiting for buffer space; return False if the wait was given up."""
        while True:
            try:
                self._producer.send(row.topic, row.value, row.key, row.headers, on_ack=on_ack)
            except BufferFull:
                if give_up():
                    return False
                self._producer.wait_for_progress(_LOOK_S)
            else:
                return True


class _Reports:
    """Brokers' reports on a batch; filled in by the producer's thread."""

    def __init__(self, count: int) -> None:
        self._outcomes: list[Outcome] = [None] * count
        self._missing = count
        self._lock = threading.Lock()
        self._complete = threading.Event()

    def on_ack(self, place: int, outcome: Ack | SendFailure) -> None:
        self._outcomes[place] = outcome
        self.count_down()

    def count_down(self) -> None:
        with self._lock:
            self._missing -= 1
            if not self._missing:
                self._complete.set()

    def complete(self, timeout_s: float) -> bool:
        return self._complete.wait(timeout_s)

    def outcomes(self) -> list[Outcome]:
        """Return a copy, which late reports can't change."""
        return list(self._outcomes)


def deadline(timeout_s: float) -> Callable[[], bool]:
    """Return a function that is True once this time has passed."""
    end = time.monotonic() + timeout_s
    return lambda: time.monotonic() > end
