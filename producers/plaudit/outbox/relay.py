"""From a table to Kafka: in order per key, at least once, a batch per round trip.

A row leaves the table after the brokers have acknowledged it; a crash in between repeats it, with
the same event id. What can't be published is put aside with the reason, and the rest goes on.
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
    """What one batch came to.

    Attributes:
        published: rows that the brokers have.
        refusals: rows that can never be published, by number, with the reason.
        kept: rows that stay for the next time.
        failure: why they stay.
        failures: the same by topic, as the table calls it.
        topics: those that were written to.
    """

    published: int = 0
    refusals: Sequence[tuple[int, str]] = ()
    kept: int = 0
    failure: KafkaFailure | None = None
    failures: Mapping[str, KafkaFailure] = field(default_factory=dict)
    topics: Collection[str] = ()

    @property
    def settled(self) -> int:
        """How many rows are done with."""
        return self.published + len(self.refusals)


class Relay:
    """Moves rows; whoever calls it has acquired the queue.

    Args:
        queue: the rows.
        producer: to write with. Its records should not time out by themselves, or rows of a key
            may overtake each other in the topic before they are put right.
    """

    def __init__(self, queue: Queue, producer: Producer) -> None:
        self._queue = queue
        self._producer = producer
        self._unsettled: Verdict | None = None

    def move(self, give_up: Callable[[], bool]) -> Moved:
        """Move one batch.

        Args:
            give_up: asked while acknowledgements are awaited; True ends the wait, and what is not
                acknowledged by then stays.

        Raises:
            OutboxFailure: the database; what is published already is settled the next time.
            KafkaFailure: the producer is closed or was made before a fork.
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
        """Take rows out of the table; remember what could not be taken out for the next time."""
        self._unsettled = verdict
        self._queue.settle(verdict)
        self._unsettled = None

    def _send(self, rows: Sequence[Row | Unfit], give_up: Callable[[], bool]) -> list[Outcome]:
        reports = _Reports(len(rows))
        for place, row in enumerate(rows):
            if isinstance(row, Unfit):
                reports.nothing_to_hear()
            elif not self._send_one(row, partial(reports.hear, place), give_up):
                break
        while not reports.complete(_LOOK_S) and not give_up():
            pass
        return reports.outcomes()

    def _send_one(
        self, row: Row, on_ack: Callable[[Ack | SendFailure], None], give_up: Callable[[], bool]
    ) -> bool:
        """Send a row, waiting for room; False when the wait was given up."""
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
    """What the brokers say of a batch; heard in the producer's thread."""

    def __init__(self, count: int) -> None:
        self._outcomes: list[Outcome] = [None] * count
        self._missing = count
        self._lock = threading.Lock()
        self._complete = threading.Event()

    def hear(self, place: int, outcome: Ack | SendFailure) -> None:
        self._outcomes[place] = outcome
        self.nothing_to_hear()

    def nothing_to_hear(self) -> None:
        with self._lock:
            self._missing -= 1
            if not self._missing:
                self._complete.set()

    def complete(self, timeout_s: float) -> bool:
        return self._complete.wait(timeout_s)

    def outcomes(self) -> list[Outcome]:
        """Return a copy: a report that comes too late must not change a decision in the making."""
        return list(self._outcomes)


def deadline(timeout_s: float) -> Callable[[], bool]:
    """Return what says True once that time is over."""
    end = time.monotonic() + timeout_s
    return lambda: time.monotonic() > end
