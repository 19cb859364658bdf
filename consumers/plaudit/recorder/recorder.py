"""The recorder's loop: read a batch, write it to the log, then commit where it ended.

Offsets go after the database: what a crash repeats is known by its attempt_id. While the database
is away the batch in hand waits, and its partitions are paused; the group keeps its member.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Final, TypeVar

from plaudit.kafka.errors import KafkaFailure
from plaudit.kafka.read.attempts import attempt_value
from plaudit.kafka.read.consumer import (
    CommittedOffset,
    Consumer,
    GroupConfig,
    GroupEvents,
    Partition,
)
from plaudit.kafka.read.position_check import PositionCheck
from plaudit.kafka.read.positions import PastEnd
from plaudit.kafka.read.reading_errors import log_failed_commit
from plaudit.kafka.read.topic_watch import watch_topics
from plaudit.kafka.settings import KafkaSettings
from plaudit.kafka.types import in_spans
from plaudit.logs.logger import event_logger
from plaudit.recorder.lag import RecorderLag
from plaudit.recorder.projector import Projector, Read
from plaudit.records.times import wall_ms
from plaudit.store.db.database import DatabaseFailure
from plaudit.tracing.batch import Batch, write_batch
from plaudit.tracing.writer import Tracing

if TYPE_CHECKING:
    from confluent_kafka import Message

_log = event_logger(__name__)
_T = TypeVar("_T")

MOST: Final = 10_000
"""Records in a transaction: each also costs a look at every endpoint that is in it."""
GATHER_S: Final = 0.2
"""How long a batch waits to be full."""
TRY_AGAIN_S: Final = 1.0


class Recorder:
    """A member of the recorder's group; `run` belongs to one thread.

    Args:
        settings: where Kafka is.
        projector: writes to the log.
        tracing: takes a span for each batch; None: tracing is off.

    Attributes:
        progressed_at: when the loop last came round, monotonic seconds.
        trouble: what it waits for; None while it waits for nothing.
        lost: records that retention removed before they were read.
        positions_reset: positions that were past the end of their log.
        lag: lag of each assigned partition.
    """

    def __init__(
        self, settings: KafkaSettings, projector: Projector, tracing: Tracing | None = None
    ) -> None:
        self._tracing = tracing
        self._topic = settings.names.attempts
        self._projector = projector
        self._stop = threading.Event()
        self._assigned: set[Partition] = set()
        self._read_to: dict[Partition, int] = {}
        self._next: dict[Partition, int] = {}
        self.progressed_at = time.monotonic()
        self.trouble: str | None = None
        self.lost = 0
        self.positions_reset = 0
        events = GroupEvents(self._on_assign, self._on_revoke, self._on_revoke, self._on_gone)
        group = GroupConfig(settings.names.recorder_group)
        self._consumer = Consumer(settings, group, events)
        self.group = group.group_id
        self.lag = RecorderLag(self._consumer.known_end)
        # From the start: what the log has already is known by its attempt_id.
        self._positions = PositionCheck(self._consumer, PastEnd.START, self._on_reset)
        self._topics = watch_topics(settings)

    def stop(self) -> None:
        """Ask the loop to end after the batch in hand; from any thread or signal."""
        self._stop.set()

    def run(self) -> None:
        """Record until `stop`.

        Raises:
            KafkaFailure: the client failed for good.
        """
        self._consumer.subscribe([self._topic])
        try:
            while not self._stop.is_set():
                self.progressed_at = time.monotonic()
                self._look_at_topics()
                batch, began_ns = self._gather(), time.time_ns()
                if batch and self._write(batch):
                    self.lag.note_written()
                    done = Batch("record", self._topic, len(batch), began_ns)
                    write_batch(self._tracing, done)
                    self._commit(batch)
                self._measure()
        finally:
            self._consumer.close()

    def _look_at_topics(self) -> None:
        """Read a topic that was created again from its start."""
        for partition in self._topics.recreated(self._assigned):
            place = self._read_to[partition]
            start = self._asked(partial(self._positions.restart, partition, place))
            self._read_to[partition] = start
            self._consumer.seek(partition, start)

    def _gather(self) -> list[Read]:
        """Return what is there, after a moment in which more may come."""
        deadline = time.monotonic() + GATHER_S
        batch: list[Read] = []
        while len(batch) < MOST and not self._stop.is_set():
            left_s = deadline - time.monotonic()
            if left_s <= 0:
                break
            batch += self._take(self._consumer.read(MOST - len(batch), left_s))
        return batch

    def _take(self, messages: Sequence[Message]) -> list[Read]:
        """Return the records, and remember how far each partition has been read."""
        records = [read_of(each) for each in messages]
        for record, message in zip(records, messages, strict=True):
            partition = Partition(record.topic, record.partition)
            self._read_to[partition] = record.offset + 1
            self.lag.note_read(partition, record.offset, message.timestamp()[1])
        return records

    def _measure(self) -> None:
        places = {each: self._read_to[each] for each in self._assigned}
        self.lag.measure(places, wall_ms())

    def _write(self, batch: list[Read]) -> bool:
        """Write a batch, however long the database is away; False when told to stop before."""
        while True:
            try:
                self._projector.project(batch)
            except DatabaseFailure as failure:
                self._say(str(failure))
                if not self._wait(batch):
                    return False
                continue
            if self.trouble is not None:
                _log.info("recorder.recovered", extra={"after": self.trouble})
                self.trouble = None
                # Only now: whoever waited has thrown away what was prefetched.
                self._consumer.resume(sorted(self._assigned))
            return True

    def _wait(self, batch: list[Read]) -> bool:
        """Wait a moment without reading on; False when told to stop."""
        deadline = time.monotonic() + TRY_AGAIN_S
        while (left_s := deadline - time.monotonic()) > 0:
            self.progressed_at = time.monotonic()
            if self._stop.is_set():
                return False
            self._consumer.pause(sorted(self._assigned))
            # Without polling, the group would think this member dead. A partition that has just
            # come is not paused yet: what is read of it joins the batch.
            batch += self._take(self._consumer.read(1, min(left_s, 0.2)))
            self._measure()
        return True

    def _commit(self, batch: Sequence[Read]) -> None:
        """Commit where the batch ended; a commit that fails costs a repetition, no more."""
        for record in batch:
            self._next[Partition(record.topic, record.partition)] = record.offset + 1
        places = {
            partition: CommittedOffset(offset, "")
            for partition, offset in self._next.items()
            if partition in self._assigned
        }
        self._next.clear()
        if not places:
            return
        try:
            self._consumer.commit(places, wait=True)
        except KafkaFailure as failure:
            log_failed_commit(failure)

    def _on_assign(self, partitions: Sequence[Partition]) -> Mapping[Partition, int]:
        if not partitions:
            return {}
        places = self._asked(lambda: self._consumer.committed(partitions))
        anew = self._asked(lambda: self._positions.past_end(places))
        starts = {
            each: anew[each] if each in anew else self._start(each, places[each].offset)
            for each in partitions
        }
        self._assigned |= starts.keys()
        self._read_to |= starts
        _log.info("partitions.assigned", extra={"partitions": in_spans(partitions)})
        return starts

    def _start(self, partition: Partition, committed: int | None) -> int:
        low, _ = self._asked(lambda: self._consumer.bounds(partition))
        if committed is None:
            return low
        self._count_lost(partition, low - committed)
        return max(committed, low)

    def _on_revoke(self, partitions: Sequence[Partition]) -> None:
        # What was read of them is committed, or is repeated by the member that has them next.
        self._assigned -= set(partitions)

    def _on_gone(self, partition: Partition) -> None:
        """Read on where the log has records, when it no longer has the position."""
        place = self._read_to[partition]
        found = self._asked(lambda: self._positions.resumption(partition, place))
        self._count_lost(partition, found.lost)
        self._read_to[partition] = found.offset
        self._consumer.seek(partition, found.offset)

    def _on_reset(self, _: Partition) -> None:
        self.positions_reset += 1

    def _count_lost(self, partition: Partition, count: int) -> None:
        if count > 0:
            self.lost += count
            _log.error("attempts.lost", extra={"partition": str(partition), "records": count})

    def _asked(self, ask: Callable[[], _T]) -> _T:
        """Ask the brokers until they answer: nothing can be done without it.

        Raises:
            KafkaFailure: told to stop meanwhile.
        """
        while True:
            try:
                return ask()
            except KafkaFailure as failure:
                self._say(str(failure))
                if self._stop.wait(TRY_AGAIN_S):
                    raise

    def _say(self, trouble: str) -> None:
        """Log what is waited for once, not at every repetition."""
        if trouble != self.trouble:
            self.trouble = trouble
            _log.warning("recorder.unavailable", extra={"error": trouble})


def read_of(message: Message) -> Read:
    """Return what the projector takes."""
    return Read(
        message.topic() or "",
        message.partition() or 0,
        message.offset() or 0,
        attempt_value(message),
    )
