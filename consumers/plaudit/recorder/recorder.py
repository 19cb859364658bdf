"""The recorder's loop: read a batch, write it to the log, then commit its offsets.

The commit follows the database transaction. After a crash, the log recognizes repeated attempts by
`attempt_id`. While the database is unavailable, the recorder keeps its batch, pauses its partitions
and stays a member of the group.
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
from plaudit.kafka.read.headers import readable_headers
from plaudit.kafka.read.position_check import PositionCheck
from plaudit.kafka.read.positions import PastEnd
from plaudit.kafka.read.reading_errors import log_failed_commit
from plaudit.kafka.read.topic_watch import TopicWatch, topic_describer
from plaudit.kafka.settings import KafkaSettings
from plaudit.kafka.types import in_spans
from plaudit.logs.logger import event_logger
from plaudit.recorder.lag import RecorderLag
from plaudit.recorder.payloads import PayloadKeeper
from plaudit.recorder.projector import Projector, Read
from plaudit.records.attempt import single_object
from plaudit.records.times import wall_ms
from plaudit.records.trace_context import read_trace
from plaudit.store.db.database import DatabaseFailure
from plaudit.tracing.batch import Batch, write_batch
from plaudit.tracing.writer import Tracing

if TYPE_CHECKING:
    from confluent_kafka import Message

_log = event_logger(__name__)
_T = TypeVar("_T")

MOST: Final = 10_000
"""Records per transaction, which also reads the row of every endpoint in it."""
GATHER_S: Final = 0.2
"""Maximum time for a batch to fill."""
TRY_AGAIN_S: Final = 1.0


class Recorder:
    """A member of the recorder's group; `run` belongs to one thread.

    Args:
        settings: connection to Kafka.
        projector: writes to the log.
        tracing: records a span for each batch; None: tracing is off.
        payloads: stores the events of each batch; None: they are not stored.

    Attributes:
        progressed_at: time of the loop's latest round, in monotonic seconds.
        trouble: error that it waits out; None if it does not wait.
        lost: records that retention removed before they were read.
        positions_reset: positions that were past the end of their log.
        lag: lag of each assigned partition.
    """

    def __init__(
        self,
        settings: KafkaSettings,
        projector: Projector,
        tracing: Tracing | None = None,
        payloads: PayloadKeeper | None = None,
    ) -> None:
        self._tracing = tracing
        self._payloads = payloads
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
        # From the start, because the log recognizes known attempts by their id.
        self._positions = PositionCheck(self._consumer, PastEnd.START, self._on_reset)
        self._topics = TopicWatch(topic_describer(settings))

    def stop(self) -> None:
        """End the loop after the current batch; safe to call from any thread or signal handler."""
        self._stop.set()

    def run(self) -> None:
        """Record until `stop`.

        Raises:
            KafkaFailure: the client failed permanently.
        """
        self._consumer.subscribe([self._topic])
        try:
            while not self._stop.is_set():
                self.progressed_at = time.monotonic()
                self._look_at_topics()
                batch, began_ns = self._gather(), time.time_ns()
                if batch and self._write(batch):
                    self.lag.note_written()
                    traces = (each.trace for each in batch)
                    done = Batch("record", self._topic, len(batch), began_ns, traces)
                    write_batch(self._tracing, done)
                    self._commit(batch)
                self._measure()
        finally:
            self._consumer.close()

    def _look_at_topics(self) -> None:
        """Continue at the start of a recreated topic."""
        for partition in self._topics.recreated(self._assigned):
            place = self._read_to[partition]
            start = self._ask_brokers(partial(self._positions.restart, partition, place))
            self._read_to[partition] = start
            self._consumer.seek(partition, start)

    def _gather(self) -> list[Read]:
        """Return the available records, after a short wait for more."""
        deadline = time.monotonic() + GATHER_S
        batch: list[Read] = []
        while len(batch) < MOST and not self._stop.is_set():
            left_s = deadline - time.monotonic()
            if left_s <= 0:
                break
            batch += self._take(self._consumer.read(MOST - len(batch), left_s))
        return batch

    def _take(self, messages: Sequence[Message]) -> list[Read]:
        """Return the records, and store how far each partition was read."""
        is_traced = self._tracing is not None
        records = [read_of(each, is_traced=is_traced) for each in messages]
        for record, message in zip(records, messages, strict=True):
            partition = Partition(record.topic, record.partition)
            self._read_to[partition] = record.offset + 1
            self.lag.note_read(partition, record.offset, message.timestamp()[1])
        return records

    def _measure(self) -> None:
        places = {each: self._read_to[each] for each in self._assigned}
        self.lag.measure(places, wall_ms())

    def _write(self, batch: list[Read]) -> bool:
        """Write a batch, however long the database is unavailable; return False if stopped."""
        while True:
            try:
                self._projector.project(batch)
                if self._payloads is not None:
                    self._payloads.keep(batch)
            except DatabaseFailure as failure:
                self._log_trouble(str(failure))
                if not self._wait(batch):
                    return False
                continue
            if self.trouble is not None:
                _log.info("recorder.recovered", extra={"after": self.trouble})
                self.trouble = None
                # Only after a wait, because resuming discards prefetched records.
                self._consumer.resume(sorted(self._assigned))
            return True

    def _wait(self, batch: list[Read]) -> bool:
        """Wait a moment without reading further; return False if stopped."""
        deadline = time.monotonic() + TRY_AGAIN_S
        while (left_s := deadline - time.monotonic()) > 0:
            self.progressed_at = time.monotonic()
            if self._stop.is_set():
                return False
            self._consumer.pause(sorted(self._assigned))
            # Without polling, this member would time out. A partition that was just assigned is
            # not paused yet: its records join the batch.
            batch += self._take(self._consumer.read(1, min(left_s, 0.2)))
            self._measure()
        return True

    def _commit(self, batch: Sequence[Read]) -> None:
        """Commit the offsets of a batch; a failed commit only causes a repetition."""
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
        places = self._ask_brokers(lambda: self._consumer.committed(partitions))
        anew = self._ask_brokers(lambda: self._positions.past_end(places))
        starts = {
            each: anew[each] if each in anew else self._start(each, places[each].offset)
            for each in partitions
        }
        self._assigned |= starts.keys()
        self._read_to |= starts
        _log.info("partitions.assigned", extra={"partitions": in_spans(partitions)})
        return starts

    def _start(self, partition: Partition, committed: int | None) -> int:
        low, _ = self._ask_brokers(lambda: self._consumer.bounds(partition))
        if committed is None:
            return low
        self._count_lost(partition, low - committed)
        return max(committed, low)

    def _on_revoke(self, partitions: Sequence[Partition]) -> None:
        # Their records are committed, or the next owner reads them again.
        self._assigned -= set(partitions)

    def _on_gone(self, partition: Partition) -> None:
        """Continue at the nearest record when the log does not have the position any more."""
        place = self._read_to[partition]
        found = self._ask_brokers(lambda: self._positions.resumption(partition, place))
        self._count_lost(partition, found.lost)
        self._read_to[partition] = found.offset
        self._consumer.seek(partition, found.offset)

    def _on_reset(self, _: Partition) -> None:
        self.positions_reset += 1

    def _count_lost(self, partition: Partition, count: int) -> None:
        if count > 0:
            self.lost += count
            _log.error("attempts.lost", extra={"partition": str(partition), "records": count})

    def _ask_brokers(self, ask: Callable[[], _T]) -> _T:
        """Query the brokers until they answer.

        Raises:
            KafkaFailure: the recorder was stopped meanwhile.
        """
        while True:
            try:
                return ask()
            except KafkaFailure as failure:
                self._log_trouble(str(failure))
                if self._stop.wait(TRY_AGAIN_S):
                    raise

    def _log_trouble(self, trouble: str) -> None:
        """Log an error once, not at every retry."""
        if trouble != self.trouble:
            self.trouble = trouble
            _log.warning("recorder.unavailable", extra={"error": trouble})


def read_of(message: Message, *, is_traced: bool = False) -> Read:
    """Return a message as input of the projector; read its trace context only if asked to."""
    place = message.topic() or "", message.partition() or 0, message.offset() or 0
    if not is_traced:
        return Read(*place, attempt_value(message))
    headers = readable_headers(message)  # can be read once only
    return Read(*place, single_object(message.value() or b"", dict(headers)), read_trace(headers))
