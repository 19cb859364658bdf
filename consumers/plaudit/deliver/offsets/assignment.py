"""Assignment: a partition while this worker owns it, and its records in hand."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final

from confluent_kafka import Message

from plaudit.deliver.offsets import bitmap
from plaudit.deliver.offsets.buffer import IntakeLimits, PartitionBuffer
from plaudit.deliver.offsets.window import Window, WindowLimits
from plaudit.kafka.read.consumer import CommittedOffset, Partition
from plaudit.kafka.read.headers import Headers, HeadersUnreadable, headers_of
from plaudit.logs.logger import event_logger
from plaudit.records.trace_context import TraceContext, read_trace

_log = event_logger(__name__)


@dataclass(frozen=True, slots=True)
class PartitionLimits:
    """Bounds of one partition's window and buffer."""

    window: WindowLimits = field(default_factory=WindowLimits)
    intake: IntakeLimits = field(default_factory=IntakeLimits)


LIMITS: Final = PartitionLimits()
NEVER_LATER_MS: Final = 1 << 62
MOST_SKEW_MS: Final = 86_400_000
"""Times in a record's headers are not later than the record, plus a day for clocks that differ. So
a forged `plaudit-enqueued-at` can't keep a delivery from expiring."""
REMEMBERED: Final = 16
"""Offsets that are tried; while brokers are away, nothing is settled, so few tries are wasted."""


class Assignment:
    """A partition in one assignment; a later one of the same partition is another object.

    So a late completion affects only the assignment that it belongs to. The consumer thread owns
    it; the event loop reads `active` and `crowded_below`, sets `waits` and counts `begun`.

    Attributes:
        partition: the partition.
        delay_ms: delay of its tier; 0 for events and `now`.
        crowded_below: records with a lower offset keep the window 80 % full; written by the
            consumer thread with every check for a commit.
        waits: whether its next record can't be processed yet; set by the event loop.
        active: cleared when the partition is taken away; then no delivery begins.
        begun: deliveries whose attempt or settlement was begun, counted by the event loop.
        settled: deliveries that are settled, counted by the consumer thread.
        release: receives a record when one of its deliveries is settled.
        foreign: whether the committed offset has unreadable metadata.
        held: cleared when the assignment of the partition to this worker ends.
        paused: whether fetching is stopped.
        read_to: the next offset to read; everything below it was read, or is not in the log.
        records: unfinished records in the event loop, by offset, in the order of the log.
        reread_at: first offset of the records for which there was no room; None: there was room for
            all.
    """

    __slots__ = (
        "_committed",
        "_limits",
        "_seen_at_commit",
        "_tried",
        "active",
        "begun",
        "crowded_below",
        "delay_ms",
        "foreign",
        "held",
        "intake",
        "partition",
        "paused",
        "read_to",
        "records",
        "release",
        "reread_at",
        "settled",
        "waits",
        "window",
    )

    def __init__(
        self,
        partition: Partition,
        delay_ms: int,
        place: CommittedOffset,
        start: int,
        release: Callable[[Record], None],
        limits: PartitionLimits = LIMITS,
    ) -> None:
        self._limits = limits.window
        self.partition = partition
        self.release = release
        self.delay_ms = delay_ms
        done = _done_before(partition, place)
        self.foreign = done is None
        self.window = Window(start, done or ())
        self.intake: PartitionBuffer[Record] = PartitionBuffer(limits.intake)
        self.active = True
        self.held = True
        self.crowded_below = 0
        self.waits = False
        self.records: dict[int, Record] = {}
        self.begun = 0
        self.settled = 0
        self.paused = False
        self.read_to = start
        self.reread_at: int | None = None
        self._committed: CommittedOffset | None = place
        self._tried = deque([place], maxlen=REMEMBERED)
        self._seen_at_commit = -1

    def offer(self, records: Iterable[Record]) -> bool:
        """Buffer records; return False if the buffer is full and needs a seek to `reread_at`.

        Until the log has been read again from there, other records are ignored: a prefetched record
        must not leave a gap.
        """
        for record in records:
            if self.reread_at is not None and record.offset != self.reread_at:
                continue
            self.reread_at = None
            if not self.intake.offer(record):
                self.reread_at = self.read_to = record.offset
                return False
            self.read_to = record.offset + 1
        return True

    def take(self, now_ms: int, most: int) -> list[Record]:
        """Return up to `most` records that may run now, without those that are done."""
        taken: list[Record] = []
        window = self.window
        if not self.delay_ms:
            now_ms = NEVER_LATER_MS  # what has been appended is due, whatever a clock says
        while len(taken) < most and not self.blocked:
            record = self.intake.take(now_ms)
            if record is None:
                break
            if window.receive(record.offset, record.size):
                taken.append(record)
        return taken

    @property
    def blocked(self) -> bool:
        """Whether no record may run, because the window is full, or an earlier record blocks it."""
        return self.waits or not self.window.has_room(self._limits)

    def ended(self, offset: int) -> None:
        """Note the present end of the log: no other record below it will be read."""
        if self.reread_at is None:
            self.read_to = max(self.read_to, offset)

    def place(self) -> CommittedOffset:
        """Return the offset and bitmap to commit."""
        if not self.intake:
            self.window.advance(self.read_to)
        return CommittedOffset(self.window.committable, self.window.metadata())

    def change(self) -> CommittedOffset | None:
        """Return the offset and bitmap to commit; None if unchanged since the last commit."""
        self.crowded_below = self.window.crowded_below(self._limits)
        before = self._committed
        if before is not None and self.window.completions == self._seen_at_commit:
            # No record was finished, but there may be a gap at the log's end to skip.
            gap = not self.window.pending and self.read_to > (before.offset or 0)
            if not gap:
                return None
        place = self.place()
        if place != before:
            return place
        self._seen_at_commit = self.window.completions
        return None

    def committed(self, place: CommittedOffset) -> None:
        """Note a commit."""
        self._committed = place
        self._seen_at_commit = self.window.completions
        if place != self._tried[-1]:
            self._tried.append(place)

    def commit_failed(self) -> None:
        """Forget the last commit, which has failed."""
        self._committed = None

    def continue_at(self, place: CommittedOffset) -> bool:
        """Continue if the group's offset is one that this assignment committed; else return False.

        When brokers went away, any of the last commits may have failed, also unheard.
        """
        if place not in self._tried:
            return False
        self._committed, self._seen_at_commit = place, -1
        return True

    @property
    def under_way(self) -> int:
        """Deliveries that have begun and are not settled."""
        return self.begun - self.settled


class Record:
    """A Kafka record in hand.

    Attributes:
        assignment: the partition, as this worker holds it now.
        offset: the record's offset in that partition.
        timestamp_ms: when it was appended, by the brokers' clock.
        due_ms: earliest time to run, by the same clock.
        value: the record's value; empty if it has none.
        size: length of the value in bytes.
        message: the Kafka message, for its key and headers.
        pending: unsettled deliveries; set once by the lane, counted down by the consumer thread.
        deliveries: number of its deliveries; the record is done when all of them are settled.
    """

    __slots__ = (
        "_trace",
        "_trace_is_read",
        "_unreadable",
        "assignment",
        "deliveries",
        "due_ms",
        "message",
        "offset",
        "pending",
        "size",
        "timestamp_ms",
        "value",
    )

    def __init__(
        self,
        assignment: Assignment,
        offset: int,
        timestamp_ms: int,
        value: bytes,
        message: Message | None = None,
    ) -> None:
        self.assignment = assignment
        self.offset = offset
        self.timestamp_ms = timestamp_ms
        self.due_ms = timestamp_ms + assignment.delay_ms
        self.value = value
        self.size = len(value)
        self.message = message
        self.pending = 0
        self.deliveries = 0
        self._unreadable: HeadersUnreadable | None = None
        self._trace: TraceContext | None = None
        self._trace_is_read = False

    def as_read(self) -> Record:
        """Return a copy of the record as it was read, without begun deliveries."""
        return Record(self.assignment, self.offset, self.timestamp_ms, self.value, self.message)

    def share(self, value: bytes, headers: Headers) -> None:
        """Hold what is equal in another record instead of its own copy: thousands are in hand."""
        self.value = value
        if self.message is not None:
            self.message.set_value(value)
            self.message.set_headers([*headers])  # the stub wants a list of its own type

    def done(self) -> None:
        """Count one of its deliveries as settled, or finish a record without deliveries."""
        self.assignment.release(self)

    @property
    def in_part(self) -> bool:
        """Whether some of its deliveries are settled and others are not."""
        return 0 < self.pending < self.deliveries

    @property
    def place(self) -> str:
        """Position of the record, for the log."""
        topic, number = self.assignment.partition
        return f"{topic}[{number}]@{self.offset}"

    @property
    def key(self) -> bytes | None:
        """The record's key."""
        return None if self.message is None else self.message.key()

    @property
    def trace(self) -> TraceContext | None:
        """Trace context of the event; read once for all its deliveries."""
        if not self._trace_is_read:
            self._trace_is_read = True
            self._trace = read_trace(self.headers())
        return self._trace

    def headers(self) -> Headers:
        """Read the headers, which takes a few microseconds.

        An event whose headers can't be read is delivered without them.
        """
        try:
            return self.needed_headers()
        except HeadersUnreadable:
            return []

    def needed_headers(self) -> Headers:
        """Read the headers, where they are indispensable.

        Raises:
            HeadersUnreadable: the client can't read them.
        """
        if self._unreadable is not None:
            raise self._unreadable  # the client must not be asked again
        if self.message is None:
            return []
        try:
            return headers_of(self.message)
        except HeadersUnreadable as error:
            self._unreadable = error
            raise


def record_of(assignment: Assignment, message: Message, latest_ms: int) -> Record:
    """Return a message as a record.

    Args:
        assignment: its partition.
        message: the Kafka message.
        latest_ms: upper limit of the timestamp. A topic that once accepted producers' timestamps
            may hold later ones, and a record that is due in ten years would block its partition
            until then.
    """
    offset, timestamp_ms = message.offset() or 0, message.timestamp()[1]
    if not 0 <= timestamp_ms <= latest_ms:
        timestamp_ms = min(max(0, timestamp_ms), latest_ms)
    return Record(assignment, offset, timestamp_ms, message.value() or b"", message)


def _done_before(partition: Partition, place: CommittedOffset) -> list[int] | None:
    """Read the bitmap of an earlier run; None: it is unreadable, and deliveries are repeated."""
    if place.offset is None or not place.metadata:
        return []
    try:
        return bitmap.decode(place.offset, place.metadata)
    except bitmap.ForeignMetadata as error:
        _log.warning(
            "offsets.metadata_ignored", extra={"partition": str(partition), "found": str(error)}
        )
        return None
