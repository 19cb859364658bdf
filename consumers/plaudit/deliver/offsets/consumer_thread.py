"""Consumer thread of a lane: reads records, hands them over when they are due, and commits.

Everything about offsets happens in this thread, so nothing needs a lock: the event loop receives
lists of records, and returns finished ones through `settled`.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Final, TypeVar

from plaudit.deliver.offsets.assignment import MOST_SKEW_MS, Assignment, Record, record_of
from plaudit.deliver.offsets.assignments import Assignments
from plaudit.deliver.offsets.broker_query import ask_until_answered
from plaudit.deliver.offsets.committer import COMMIT_EVERY_S, Committer
from plaudit.deliver.offsets.lag_watch import LagWatch
from plaudit.deliver.offsets.membership import Membership
from plaudit.deliver.offsets.rebalance_log import log_assigned
from plaudit.deliver.offsets.record_sink import RecordSink
from plaudit.deliver.offsets.revocation import Revocation
from plaudit.deliver.offsets.source_config import SourceConfig
from plaudit.kafka.broker_clock import BrokerClock
from plaudit.kafka.errors import GroupRefused
from plaudit.kafka.read.consumer import Consumer, GroupEvents, Partition
from plaudit.kafka.read.position_check import PositionCheck
from plaudit.kafka.read.positions import Resumption
from plaudit.kafka.read.topic_watch import TopicWatch, topic_describer
from plaudit.kafka.settings import KafkaSettings
from plaudit.logs.logger import event_logger

if TYPE_CHECKING:
    from confluent_kafka import Message

_log = event_logger(__name__)

READ_MOST: Final = 100
READ_WAIT_S: Final = 1.0
"""Longest time of a read while the lane is at rest. `stop` waits for its end."""
# If the lane stays full for longer than this, fetching stops, and prefetched records are discarded.
PAUSE_AFTER_S: Final = 1.0
# Half of the time in which a compiled worker finishes the records of a full lane.
WAIT_FOR_ROOM_S: Final = 0.005
ASK_AGAIN_S: Final = 1.0

_T = TypeVar("_T")


class ConsumerThread:
    """Reads a lane's topics in a thread of its own.

    Args:
        settings: connection to Kafka.
        config: topics and waiting times.
        engine: receives the records.
        clock: the brokers' time, by which records are due.

    Attributes:
        name: name in logs.
        holdings: its assignments; other threads may read only the numbers.
        read_at: when the thread last finished a round, monotonic seconds.
        done: records with a settled delivery that the thread has not counted yet.
        handed_over: number of records handed over since the start.
        refused: why the group refuses this worker; None: it does not.
        membership: its membership in the group.
        lag: lag of each partition held.
    """

    def __init__(
        self,
        settings: KafkaSettings,
        config: SourceConfig,
        engine: RecordSink,
        clock: BrokerClock,
    ) -> None:
        self._settings = settings
        self._config = config
        self._engine = engine
        self._clock = clock
        self.holdings = Assignments(config.topics, self.settled)
        self.done: deque[Record] = deque()
        self._stop = threading.Event()
        self._full_since: float | None = None
        self._fresh: list[Assignment] = []
        self.handed_over = 0
        self.read_at = time.monotonic()
        self.refused: str | None = None
        self._topics = TopicWatch(config.describe or topic_describer(settings))
        self.lag = LagWatch(lambda each: self._consumer.known_end(each) or 0)
        self._open()
        self.name = f"the source of {config.group.group_id}"
        self.membership = Membership(self.name, lambda: self._consumer.is_member)
        self._thread = threading.Thread(target=self._run, name=self.name, daemon=True)

    def start(self) -> None:
        """Start reading."""
        self._consumer.subscribe(sorted(self._config.topics))
        self._thread.start()

    def settled(self, record: Record) -> None:
        """Count a delivery of a record as settled; from any thread.

        A record without deliveries is reported once, with `pending` 0.
        """
        self.done.append(record)

    @property
    def assignments(self) -> Sequence[Assignment]:
        """The assignments; a snapshot, from any thread."""
        return tuple(self.holdings.held.values())

    @property
    def group(self) -> str:
        """Name of the consumer group."""
        return self._config.group.group_id

    @property
    def topics(self) -> Collection[str]:
        """Names of the topics."""
        return self._config.topics.keys()

    def stop(self) -> None:
        """Ask the thread to stop; see `join`."""
        self._stop.set()

    def join(self, timeout_s: float) -> bool:
        """Wait until the thread has committed and left the group; return False after the time."""
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _open(self) -> None:
        taken, answered = self._on_revoke, self._on_commit
        events = GroupEvents(self._on_assign, taken, self._on_lost, self._on_out_of_range, answered)
        config = self._config
        self._consumer = Consumer(self._settings, config.group, events)
        self._commits = commits = Committer(self._consumer)
        self._revocation = Revocation(
            config, self._engine, self.holdings, commits, self._take_settled
        )
        self._check = PositionCheck(self._consumer, config.past_end, self._engine.position_reset)

    def _run(self) -> None:
        try:
            while not self._stop.is_set():
                try:
                    self._turn()
                except GroupRefused as refusal:
                    self._ask_to_join_again(refusal)
            self._leave()
        except Exception as error:  # noqa: BLE001 - the worker ends with this error
            if self._stop.is_set():
                # Uncommitted records are delivered again; nothing is lost.
                _log.warning("source.closed_uncommitted", extra={"error": str(error)})
            else:
                self._engine.failed(error)

    def _ask_to_join_again(self, refusal: GroupRefused) -> None:
        """Join the group again soon, with a new client: the old one may have failed permanently."""
        if self.refused is None:
            _log.warning("group.refused", extra={"error": str(refusal)})
        self.refused = str(refusal)
        self._consumer.close()
        self._open()
        if self._waits_on():
            self._consumer.subscribe(sorted(self._config.topics))

    def _turn(self) -> None:
        """Run one round: count completions, commit, read, hand over."""
        self._take_settled()
        self._commits.commit_if_due(self.holdings)
        self._look_at_topics()
        self._read()
        self._hand_over()
        self.membership.update(holds=bool(self.holdings.held))
        self.lag.measure(self.holdings.held.values(), self._clock.now_ms())
        self.read_at = time.monotonic()

    def _look_at_topics(self) -> None:
        """Read a topic from its start if it was created again under the same name."""
        for partition in self._topics.recreated(self.holdings.held.keys()):
            place = self.holdings.held[partition].read_to
            start = self._asked(partial(self._check.restart, partition, place))
            self._fresh.append(self.holdings.restart(partition, start))
            self._consumer.seek(partition, start)

    def _take_settled(self) -> None:
        settled = self.done
        while settled:
            self.holdings.settled(settled.popleft())

    def _read(self) -> None:
        """Read available records into the buffers, unless the event loop has no room."""
        if self.holdings.fill >= 1 or not self._engine.has_room():
            self._wait_for_room()
            return
        self._full_since = None
        self._assert_pauses()
        for assignment in self.holdings.held.values():
            if assignment.paused and assignment.intake.low:
                self._resume(assignment)
        most_s = COMMIT_EVERY_S if self.holdings.in_hand else READ_WAIT_S
        wait_s = min(most_s, self.holdings.due_in_s(self._clock.now_ms()))
        self._take_in(self._consumer.read(READ_MOST, wait_s))

    def _assert_pauses(self) -> None:
        """Pause and resume fetching again, because a rebalance may have changed it."""
        while self._fresh:
            assignment = self._fresh.pop()
            if not assignment.held:
                continue
            if assignment.paused:
                self._consumer.pause([assignment.partition])
            else:
                self._consumer.resume([assignment.partition])

    def _take_in(self, messages: Sequence[Message]) -> None:
        """Buffer messages by partition; a full buffer pauses its partition."""
        sorted_out: dict[Assignment, list[Record]] = {}
        latest_ms = self._clock.now_ms() + MOST_SKEW_MS
        if messages:
            self.lag.moved()
        for message in messages:
            partition = Partition(message.topic() or "", message.partition() or 0)
            assignment = self.holdings.held.get(partition)
            if assignment is not None:
                record = record_of(assignment, message, latest_ms)
                sorted_out.setdefault(assignment, []).append(record)
        for assignment, records in sorted_out.items():
            self._clock.observe_read(records[-1].timestamp_ms)
            if not assignment.offer(records):
                self._pause(assignment)
        for partition, offset in self._consumer.ends.items():
            assignment = self.holdings.held.get(partition)
            if assignment is not None:
                assignment.ended(offset)

    def _wait_for_room(self) -> None:
        now = time.monotonic()
        self._full_since = self._full_since or now
        self._stop.wait(WAIT_FOR_ROOM_S)
        if now - self._full_since < PAUSE_AFTER_S:
            if self._commits.waits_for_answer:
                # The client hands over the answer only during a read, and before any record.
                self._take_in(self._consumer.read(1, 0))
            return
        # Polling keeps the membership; paused partitions bring no records.
        for assignment in self.holdings.held.values():
            if not assignment.paused:
                self._pause(assignment)
        self._take_in(self._consumer.read(READ_MOST, 0))

    def _pause(self, assignment: Assignment) -> None:
        """Pause fetching; records for which there was no room are read again later."""
        if not assignment.paused:
            assignment.paused = True
            self._consumer.pause([assignment.partition])
        if assignment.reread_at is not None:
            # After the pause, which would reset the position to where reading stopped.
            self._consumer.seek(assignment.partition, assignment.reread_at)

    def _resume(self, assignment: Assignment) -> None:
        assignment.paused = False
        self._consumer.resume([assignment.partition])

    def _hand_over(self) -> None:
        now_ms = self._clock.now_ms()
        ready: list[Record] = []
        for assignment in self.holdings.held.values():
            if len(assignment.intake):
                ready += assignment.take(now_ms, READ_MOST)
        if ready:
            self.handed_over += len(ready)
            self.holdings.handed_over(ready)
            self._engine.hand_over(ready)

    def _on_assign(self, partitions: Sequence[Partition]) -> Mapping[Partition, int]:
        places = self._asked(lambda: self._consumer.committed(partitions)) if partitions else {}
        as_read = self._asked(lambda: self._check.past_end(places))
        starts = self.holdings.assign(
            {each: place for each, place in places.items() if each not in as_read}, self._first_of
        )
        for partition, first in as_read.items():
            self.holdings.restart(partition, first)
        starts |= as_read
        self.holdings.drop_kept()
        self._engine.resume()
        self.refused = None
        self._fresh = list(self.assignments)
        log_assigned(self._config.group.group_id, partitions)
        return starts

    def _first_of(self, partition: Partition) -> int:
        return self._asked(lambda: self._consumer.bounds(partition))[0]

    def _asked(self, ask: Callable[[], _T]) -> _T:
        """Query the brokers until they answer, because the thread can't continue without it."""
        return ask_until_answered(ask, self._waits_on)

    def _waits_on(self) -> bool:
        """Wait before the next query of the brokers; return False after `stop`."""
        self.read_at = time.monotonic()
        return not self._stop.wait(ASK_AGAIN_S)

    def _on_revoke(self, partitions: Sequence[Partition]) -> None:
        if self._consumer.incremental or self._stop.is_set():
            self._revocation.revoke(partitions)
        else:
            self._revocation.revoke_all(partitions)

    def _on_lost(self, partitions: Sequence[Partition]) -> None:
        self._revocation.lose(partitions)

    def _on_commit(self, failed: Sequence[Partition]) -> None:
        self._commits.answered()
        for assignment in self.holdings.of(failed):
            assignment.commit_failed()

    def _on_out_of_range(self, partition: Partition) -> None:
        """Log the loss of records that the log has dropped, and continue at its next record."""
        assignment = self.holdings.held.get(partition)
        if assignment is None:
            return
        place = assignment.read_to
        found = self._asked(lambda: self._check.resumption(partition, place))
        if found.past_end:
            # It is a new log: completions of the old one do not apply.
            self._fresh.append(self.holdings.restart(partition, found.offset))
        else:
            if found.lost:
                self._log_lost(partition, place, found)
            assignment.read_to, assignment.reread_at = found.offset, None
        self._consumer.seek(partition, found.offset)

    def _log_lost(self, partition: Partition, place: int, found: Resumption) -> None:
        where = {"partition": str(partition), "from": place, "to": found.offset}
        _log.error("records.lost", extra={**where, "count": found.lost})
        self._engine.lost(partition, found.lost)

    def _leave(self) -> None:
        self._revocation.finish(self.assignments, self._config.close_grace_s)
        self._commits.commit_last(lambda: self.assignments, self._finish_rebalance)
        self._consumer.close()

    def _finish_rebalance(self) -> None:
        """Let a rebalance continue; the next owner reads any records that arrive."""
        self._consumer.read(READ_MOST, COMMIT_EVERY_S)
        self._take_settled()
