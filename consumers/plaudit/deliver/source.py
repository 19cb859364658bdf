"""The thread that owns a Consumer: it hands over what may run, takes what is done, and commits.

Everything about offsets happens in this one thread, so nothing here needs a lock: the event loop
only gets lists of records, and gives them back through `settled`, from whatever thread.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol, TypeVar

from plaudit.deliver.delivery import Record
from plaudit.deliver.partition import Assignment
from plaudit.kafka.consumer import Consumer, GroupConfig, GroupEvents, Partition, Place
from plaudit.kafka.errors import KafkaFailure
from plaudit.kafka.settings import KafkaSettings

if TYPE_CHECKING:
    from confluent_kafka import Message

_log = logging.getLogger(__name__)

READ_MOST: Final = 500
READ_WAIT_S: Final = 0.05
COMMIT_EVERY_S: Final = 0.25
COMMIT_EVERY_RECORDS: Final = 1_000
# Without room for longer than this, fetching is stopped, and what was prefetched thrown away.
PAUSE_AFTER_S: Final = 1.0
WAIT_FOR_ROOM_S: Final = 0.005
ASK_AGAIN_S: Final = 1.0

_T = TypeVar("_T")


class Engine(Protocol):
    """What the source needs of the event loop's side; called from the source's thread."""

    def hand_over(self, records: list[Record]) -> None:
        """Take records that may run now."""
        ...

    def has_room(self) -> bool:
        """Return whether more records can be taken."""
        ...

    def lost(self, partition: Partition, count: int) -> None:
        """Count records that the log dropped before they were read."""
        ...

    def failed(self, error: Exception) -> None:
        """Hear that the source has ended by an error."""
        ...


@dataclass(frozen=True, slots=True)
class SourceConfig:
    """What a source reads and how it leaves.

    Attributes:
        group: how it behaves as a member.
        topics: with the delay of each, in milliseconds.
        revoke_grace_s: how long deliveries under way are waited for when a partition is revoked.
        close_grace_s: the same when the worker stops.
        most_records: records handed over and not finished; at most so many.
        most_bytes: the sum of their values.
    """

    group: GroupConfig
    topics: Mapping[str, int]
    revoke_grace_s: float = 3.0
    close_grace_s: float = 20.0
    most_records: int = 10_000
    most_bytes: int = 64 * 1024 * 1024


class Source:
    """Reads a lane's topics in a thread of its own.

    Args:
        settings: where Kafka is.
        config: what to read.
        engine: takes records; its methods are called from the source's thread.
    """

    def __init__(self, settings: KafkaSettings, config: SourceConfig, engine: Engine) -> None:
        self._config = config
        self._engine = engine
        self._assigned: dict[Partition, Assignment] = {}
        self._settled: deque[Record] = deque()
        self._stop = threading.Event()
        self._done_since_commit = 0
        self._commit_at = 0.0
        self._full_since: float | None = None
        self.settled_count = 0
        self.handed_over = 0
        self.finished = 0
        self.bytes_in_hand = 0
        self.read_at = time.monotonic()
        events = GroupEvents(self._on_assign, self._on_revoke, self._on_lost, self._on_out_of_range)
        self._consumer = Consumer(settings, config.group, events)
        self._thread = threading.Thread(
            target=self._run, name=f"source {config.group.group_id}", daemon=True
        )

    def start(self) -> None:
        """Begin to read."""
        self._consumer.subscribe(sorted(self._config.topics))
        self._thread.start()

    def settled(self, record: Record) -> None:
        """One delivery of this record is settled; from any thread.

        A record without deliveries is reported once, with `pending` 0.
        """
        self._settled.append(record)

    @property
    def in_hand(self) -> int:
        """Records handed over and not finished."""
        return self.handed_over - self.finished

    @property
    def assignments(self) -> Sequence[Assignment]:
        """What is held now; a snapshot, from any thread."""
        return tuple(self._assigned.values())

    def stop(self) -> None:
        """Ask the thread to stop; see `join`."""
        self._stop.set()

    def join(self, timeout_s: float) -> bool:
        """Wait until the thread has committed and left the group; False when time is up."""
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        try:
            while not self._stop.is_set():
                self._turn()
            self._leave()
        except Exception as error:  # noqa: BLE001 - the worker ends, and says with what
            self._engine.failed(error)

    def _turn(self) -> None:
        """Take what is done, commit, read, hand over: one round."""
        self._take_settled()
        self._commit_if_due()
        self._read()
        self._hand_over()
        self.read_at = time.monotonic()

    def _take_settled(self) -> None:
        settled = self._settled
        while settled:
            record = settled.popleft()
            self.settled_count += 1
            assignment = record.assignment
            if record.pending:
                assignment.settled += 1
                record.pending -= 1
            if not record.pending and assignment.window.complete(record.offset):
                self._done_since_commit += 1
                # Those of a partition that was let go were counted when it went.
                if assignment.held:
                    self.finished += 1
                    self.bytes_in_hand -= record.size

    def _commit_if_due(self) -> None:
        now = time.monotonic()
        if now < self._commit_at and self._done_since_commit < COMMIT_EVERY_RECORDS:
            return
        self._commit_at = now + COMMIT_EVERY_S
        self._done_since_commit = 0
        self._commit(tuple(self._assigned.values()), wait=False)

    def _commit(self, assignments: Sequence[Assignment], *, wait: bool) -> None:
        """Commit what changed (with `wait`: everything); one that fails is repeated by the next."""
        places = {
            each.partition: place
            for each in assignments
            if not each.is_committed(place := each.place()) or wait
        }
        if not places:
            return
        try:
            self._consumer.commit(places, wait=wait)
        except KafkaFailure as failure:
            _log.warning("offsets.commit_failed", extra={"error": str(failure)})
            return
        for each in assignments:
            if each.partition in places:
                each.committed(places[each.partition])

    def _read(self) -> None:
        """Read what is there, unless the engine is full; what can't run yet is held."""
        if not self._has_room():
            self._wait_for_room()
            return
        self._full_since = None
        for assignment in self._assigned.values():
            if assignment.paused and assignment.intake.low:
                self._resume(assignment)
        self._take_in(self._consumer.read(READ_MOST, self._wait_s()))

    def _take_in(self, messages: Sequence[Message]) -> None:
        """Sort what was read by partition; one that is full stops fetching."""
        sorted_out: dict[Assignment, list[Record]] = {}
        for message in messages:
            assignment = self._assigned.get(_partition_of(message))
            if assignment is not None:
                sorted_out.setdefault(assignment, []).append(_record(assignment, message))
        for assignment, records in sorted_out.items():
            if not assignment.offer(records):
                self._pause(assignment)

    def _has_room(self) -> bool:
        return (
            self.in_hand < self._config.most_records
            and self.bytes_in_hand < self._config.most_bytes
            and self._engine.has_room()
        )

    def _wait_for_room(self) -> None:
        now = time.monotonic()
        self._full_since = self._full_since or now
        self._stop.wait(WAIT_FOR_ROOM_S)
        if now - self._full_since < PAUSE_AFTER_S:
            return
        # The group must hear of us, and we of it; nothing may come in meanwhile.
        for assignment in self._assigned.values():
            if not assignment.paused:
                self._pause(assignment)
        self._take_in(self._consumer.read(READ_MOST, 0))

    def _pause(self, assignment: Assignment) -> None:
        """Stop fetching; what was read beyond the room for it is read again when it resumes."""
        if not assignment.paused:
            assignment.paused = True
            self._consumer.pause([assignment.partition])
        if assignment.reread_at is not None:
            # After the pause, which would put the position back to where reading stopped.
            self._consumer.seek(assignment.partition, assignment.reread_at)

    def _resume(self, assignment: Assignment) -> None:
        assignment.paused = False
        self._consumer.resume([assignment.partition])

    def _wait_s(self) -> float:
        """Return how long reading may wait: until the next record is due."""
        dues = [
            each.intake.next_due_ms
            for each in self._assigned.values()
            if each.intake.next_due_ms is not None and not each.blocked
        ]
        if not dues:
            return READ_WAIT_S
        return min(READ_WAIT_S, max(0.0, min(dues) / 1_000 - time.time()))

    def _hand_over(self) -> None:
        now_ms = int(time.time() * 1_000)
        ready: list[Record] = []
        for assignment in self._assigned.values():
            if len(assignment.intake):
                ready += assignment.take(now_ms, READ_MOST)
        if ready:
            self.handed_over += len(ready)
            self.bytes_in_hand += sum(record.size for record in ready)
            self._engine.hand_over(ready)

    def _on_assign(self, partitions: Sequence[Partition]) -> Mapping[Partition, int]:
        places = self._asked(lambda: self._consumer.committed(partitions)) if partitions else {}
        starts = {}
        for partition in partitions:
            start = self._start_of(partition, places[partition])
            delay_ms = self._config.topics[partition.topic]
            assignment = Assignment(partition, delay_ms, places[partition], start, self.settled)
            self._assigned[partition] = assignment
            starts[partition] = start
        _log.info("partitions.assigned", extra={"partitions": [str(each) for each in partitions]})
        return starts

    def _start_of(self, partition: Partition, place: Place) -> int:
        """Return where to start: where the group stands, or else at the log's start."""
        if place.offset is not None:
            return place.offset
        return self._asked(lambda: self._consumer.bounds(partition))[0]

    def _asked(self, ask: Callable[[], _T]) -> _T:
        """Ask the brokers until they answer: nothing can be done without it."""
        while True:
            try:
                return ask()
            except KafkaFailure as failure:
                if not failure.retriable or self._stop.wait(ASK_AGAIN_S):
                    raise
                _log.warning("source.waits", extra={"error": str(failure)})

    def _on_revoke(self, partitions: Sequence[Partition]) -> None:
        """Finish what is on its way, commit, and let go."""
        leaving = [self._assigned[each] for each in partitions if each in self._assigned]
        self._finish(leaving, self._config.revoke_grace_s)
        self._commit(leaving, wait=True)
        self._drop(leaving)

    def _on_lost(self, partitions: Sequence[Partition]) -> None:
        """They are another worker's already: what is under way here is delivered twice."""
        leaving = [self._assigned[each] for each in partitions if each in self._assigned]
        under_way = sum(each.under_way for each in leaving)
        _log.warning(
            "partitions.lost",
            extra={"partitions": [str(each) for each in partitions], "under_way": under_way},
        )
        for assignment in leaving:
            assignment.active = False
        self._drop(leaving)

    def _drop(self, leaving: Sequence[Assignment]) -> None:
        for assignment in leaving:
            # The event loop drops what it has not begun, without a word.
            self.finished += assignment.window.pending
            self.bytes_in_hand -= assignment.window.pending_bytes
            assignment.held = False
            del self._assigned[assignment.partition]

    def _finish(self, leaving: Sequence[Assignment], grace_s: float) -> None:
        """Begin nothing more, and wait a while for what is under way."""
        for assignment in leaving:
            assignment.active = False
        deadline = time.monotonic() + grace_s
        self._take_settled()
        while any(each.under_way for each in leaving) and time.monotonic() < deadline:
            time.sleep(WAIT_FOR_ROOM_S)
            self._take_settled()

    def _on_out_of_range(self, partition: Partition) -> None:
        """The log's start has passed our place: count what is lost, and go on at the start."""
        assignment = self._assigned.get(partition)
        if assignment is None:
            return
        first = self._asked(lambda: self._consumer.bounds(partition))[0]
        place = assignment.read_to
        lost = max(0, first - place)
        _log.error(
            "records.lost",
            extra={"partition": str(partition), "from": place, "to": first, "count": lost},
        )
        self._engine.lost(partition, lost)
        assignment.read_to, assignment.reread_at = first, None
        if not assignment.intake:
            assignment.window.advance(first)
        self._consumer.seek(partition, first)

    def _leave(self) -> None:
        self._finish(tuple(self._assigned.values()), self._config.close_grace_s)
        self._commit(tuple(self._assigned.values()), wait=True)
        self._consumer.close()


def _partition_of(message: Message) -> Partition:
    return Partition(message.topic() or "", message.partition() or 0)


def _record(assignment: Assignment, message: Message) -> Record:
    offset, timestamp_ms = message.offset() or 0, message.timestamp()[1]
    return Record(assignment, offset, timestamp_ms, message.value() or b"", message)
