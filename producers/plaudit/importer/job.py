"""Import of one file: constant memory, resumable, idempotent."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Final, Protocol

from plaudit.bulk.control import Control
from plaudit.bulk.guard import LagGuard
from plaudit.events.catalogue import lookup
from plaudit.events.ids import utc_now
from plaudit.importer.errors import FileChanged, Interrupted, NotAcknowledged
from plaudit.importer.journal import Journal
from plaudit.importer.names import Name
from plaudit.importer.outcome import Counts, Outcome
from plaudit.importer.rejects import Rejects
from plaudit.importer.reviews import SOURCE, BadRow, Review, ReviewMaker, completed
from plaudit.importer.rows import Read, Row, Unreadable
from plaudit.importer.source import Source, chunks
from plaudit.kafka.errors import BufferFull, KafkaFailure
from plaudit.kafka.write.acks import Ack, Headers, SendFailure
from plaudit.publish.prepare import Prepared, SchemaId, prepare
from plaudit.records.names import Names

PATIENCE_S: Final = 120.0
"""Seconds for which the brokers may be unavailable during an import."""
_PAUSE_S: Final = 0.5
_PROGRESS_S: Final = 0.1
# librdkafka finds expired records once a second: waiting longer yields each record's own error.
_SETTLE_S: Final = 2.0
_GRACE_S: Final = 5.0
"""Seconds for which a stopping import waits for acknowledgements."""


class RecordProducer(Protocol):
    """Part of `plaudit.kafka.write.producer.Producer` that an import uses."""

    def send(
        self,
        topic: str,
        value: bytes | None,
        key: bytes | None = None,
        headers: Headers | None = None,
        *,
        on_ack: Callable[[Ack | SendFailure], None],
    ) -> None:
        """Queue a record; see `Producer.send`."""
        ...

    def wait_for_progress(self, timeout_s: float) -> bool:
        """Wait until the buffer has room; see `Producer`."""
        ...

    def flush(self, timeout_s: float) -> int:
        """Wait for acknowledgements; see `Producer.flush`."""
        ...


@dataclass(frozen=True)
class Way:
    """Route of events to the brokers.

    Attributes:
        producer: fails records after `PATIENCE_S`, or sooner.
        names: names of the topics.
        schema_id: look-up of an event type's schema id, with a registry.
    """

    producer: RecordProducer
    names: Names
    schema_id: SchemaId = lambda _: None


class Import:
    """Imports a file.

    Args:
        source: source and target.
        way: route to the brokers.
        journal: journal of the space.
        rejects: receives rejected rows.
        guard: delays the import while workers are behind.
        control: stops the import, and receives its progress.
    """

    def __init__(
        self,
        source: Source,
        way: Way,
        journal: Journal,
        rejects: Rejects,
        guard: LagGuard,
        control: Control,
    ) -> None:
        self._source = source
        self._way = way
        self._journal = journal
        self._rejects = rejects
        self._guard = guard
        self._control = control
        self._stamp = source.file.stamp()
        self.outcome = Outcome(source.import_id())
        schema_id = way.schema_id(lookup("review.imported"))
        self._make = ReviewMaker(
            source.target, source.mapped, self.outcome.import_id, way.names, schema_id
        )
        self._acknowledged: deque[bytes] = deque()
        self._failures: deque[KafkaFailure] = deque()
        self._on_the_way: set[bytes] = set()

    def run(self) -> Outcome:
        """Import the rows that are not imported yet.

        Raises:
            ImportStopped: some rows are missing; the same command resumes the import.
            ImportRefused: the file has no rows.
        """
        file, import_id = self._source.file, self.outcome.import_id
        self._control.listener.began(self._source.count())
        started_at, through = self._journal.begin(import_id, str(file.path))
        self.outcome.before = self._journal.count(import_id)
        try:
            for chunk in chunks(file.rows()):
                self._wait_for_room(len(chunk))
                self._take(chunk)
                self._control.listener.moved(len(chunk))
            self._all_acknowledged()
        except KafkaFailure as failure:
            raise NotAcknowledged(str(failure)) from None
        finally:
            self._write_down()
        if file.stamp() != self._stamp:
            # The rows have ids of their own, but the final event would describe another file.
            raise FileChanged(f"{file.path} was changed while it was read")
        total = self.outcome.complete()
        self.outcome.repeated = through and not self.outcome.published
        if not through:
            self._end(total, started_at)
        return self.outcome

    def _take(self, chunk: list[Read]) -> None:
        """Publish the rows of a chunk that are not in the journal."""
        self.outcome.rows += len(chunk)
        self._write_down()
        self._make.at(utc_now())
        names = [self._make.name(row.values) if isinstance(row, Row) else None for row in chunk]
        known = self._journal.known([name.event_id for name in names if name is not None])
        # Each step runs for all rows before the next step: its code stays in the processor's cache,
        # and a row takes a fifth less.
        made = []
        for row, name in zip(chunk, names, strict=True):
            review = self._made(row, name, known)
            if review is not None:
                self._on_the_way.add(review.event_id)
                made.append(review)
        for review in made:
            self._publish(review)
        self._guard.sent(len(made))

    def _made(self, row: Read, name: Name | None, known: Mapping[bytes, bytes]) -> Review | None:
        """Return the event of a row that is not published yet, and count other rows."""
        outcome = self.outcome
        if isinstance(row, Unreadable):
            self._reject(row, row.reason)
        elif self._make.leaves_out(row.values):
            outcome.left_out += 1
        elif name is not None and name.event_id in self._on_the_way:
            outcome.again += 1
        elif name is not None and name.event_id in known:
            mine = known[name.event_id] == outcome.import_id.bytes
            outcome.again += mine
            outcome.known += not mine
        else:
            try:
                return self._make(row.values, name)
            except BadRow as error:
                self._reject(row, str(error))
        return None

    def _publish(self, review: Review) -> None:
        self._send(review.record, partial(self._answered, review.event_id))

    def _send(self, record: Prepared, on_ack: Callable[[Ack | SendFailure], None]) -> None:
        """Send a record as soon as the buffer has room.

        Raises:
            NotAcknowledged: the brokers failed to acknowledge other records in time.
        """
        send = self._way.producer.send
        while True:
            try:
                send(record.topic, record.value, record.key, record.headers, on_ack=on_ack)
            except BufferFull:
                self._way.producer.wait_for_progress(_PROGRESS_S)
                self._raise_failure()
            else:
                return

    def _reject(self, row: Read, reason: str) -> None:
        self.outcome.reject(row, reason)
        self._rejects.add(row, reason)

    def _answered(self, event_id: bytes, outcome: Ack | SendFailure) -> None:
        """Count the result of one event; runs in the producer's thread."""
        if isinstance(outcome, Ack):
            self._acknowledged.append(event_id)
        else:
            self._failures.append(outcome.error)

    def _raise_failure(self) -> None:
        if self._failures:
            raise NotAcknowledged(str(self._failures[0]))

    def _write_down(self) -> None:
        """Write acknowledged events to the journal."""
        count = len(self._acknowledged)
        ids = [self._acknowledged.popleft() for _ in range(count)]
        self._journal.add(ids, self.outcome.import_id)
        self._on_the_way.difference_update(ids)
        self.outcome.published += count

    def _wait_for_room(self, count: int) -> None:
        """Wait while workers are behind; raise if the import must stop."""
        while True:
            self._raise_failure()
            if self._control.stopping:
                self._way.producer.flush(_GRACE_S)
                raise Interrupted("stopped before the end of the file")
            if self._guard.room() >= min(count, self._guard.cap or count):
                self._control.listener.paused(None)
                return
            behind = f"deliveries.now is {self._guard.cap:,} behind; are deliverers running?"
            self._control.listener.paused(behind)
            self._write_down()
            self._control.wait(_PAUSE_S)

    def _all_acknowledged(self) -> None:
        """Wait until the brokers have acknowledged everything.

        Raises:
            NotAcknowledged: some records are not acknowledged.
        """
        missing = self._way.producer.flush(PATIENCE_S + _SETTLE_S)
        self._raise_failure()
        if missing:
            raise NotAcknowledged(f"{missing:,} events are not acknowledged: no answer")

    def _end(self, total: Counts, started_at: datetime) -> None:
        """Publish the event that completes the import.

        Raises:
            NotAcknowledged: the event is not acknowledged.
        """
        target, import_id = self._source.target, self.outcome.import_id
        last = completed(target, import_id, self._source.platform, total, started_at)
        schema_id = self._way.schema_id(lookup(last.type_name))
        record = prepare(last, self._way.names, SOURCE, schema_id=schema_id)
        self._send(record, partial(self._answered, last.meta.event_id.bytes))
        self._all_acknowledged()
        self._acknowledged.clear()  # this event is not a row of the file
        self._journal.complete(import_id)
