"""Bridge between a consumer thread and the pipeline of its lane, in the event loop.

A partition waits when its next record can't be processed yet: its schema is unknown, or the table
of endpoints is not current. The bridge tries that record again every half second; other partitions
are not affected.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Iterator, Sequence
from typing import Final

from plaudit.deliver.offsets.assignment import Assignment, Record
from plaudit.deliver.offsets.blocked import Blockage, Blockages, RecordBlocked
from plaudit.deliver.offsets.pause_gate import PauseGate
from plaudit.deliver.offsets.pulse import Pulse
from plaudit.deliver.offsets.record_processor import RecordProcessor
from plaudit.kafka.broker_clock import BrokerClock
from plaudit.logs.logger import event_logger

_log = event_logger(__name__)

LATE_FOR_MS: Final = 60_000
SLICE_S: Final = 0.01
"""Longest slice in which records are begun: a hundred events for 64 endpoints each take a
second."""


class LoopBridge:
    """Passes records to the pipeline of a lane; belongs to the event loop's thread.

    Args:
        name: `events` or `deliveries`.
        pipeline: processes the records.
        gate: closed during a rebalance, or while nothing can be written to Kafka.
        loop: the event loop, in whose thread everything runs.
        clock: the brokers' time, by which records are due.
        pulse: receives the time that callbacks wait for the event loop.

    Attributes:
        received: number of records from the consumer thread; any thread may read it.
    """

    def __init__(
        self,
        name: str,
        pipeline: RecordProcessor,
        gate: PauseGate,
        loop: asyncio.AbstractEventLoop,
        clock: BrokerClock,
        pulse: Pulse | None = None,
    ) -> None:
        self.name = name
        self.received = 0
        self.lost_records: dict[str, int] = {}
        self.positions_reset: dict[str, int] = {}
        self._pipeline = pipeline
        self._gate = gate
        self._pulse = Pulse() if pulse is None else pulse
        self._loop = loop
        self._clock = clock
        self._waiting: dict[Assignment, deque[Record]] = {}
        self._blocked = Blockages()
        self._arrived: deque[Record] = deque()
        self._continues = False
        # Lateness of the last batch, and its arrival, in milliseconds of the brokers' clock.
        self._late_ms, self._late_at_ms = 0, 0

    @property
    def arrived(self) -> int:
        """Records that have arrived and are not processed; from any thread."""
        return len(self._arrived)

    @property
    def late_s(self) -> float:
        """Lateness of the latest records; 0 if there were none for a minute."""
        is_news = self._clock.now_ms() - self._late_at_ms < LATE_FOR_MS
        return self._late_ms / 1_000 if is_news else 0.0

    @property
    def blocked(self) -> Sequence[Blockage]:
        """Blocked partitions, with the reasons; from any thread."""
        return self._blocked.now

    @property
    def paused(self) -> bool:
        """Whether the lane is paused."""
        return self._gate.closed

    @property
    def records(self) -> Iterator[Record]:
        """Records that wait here; in the event loop's thread."""
        yield from self._arrived
        for waiting in self._waiting.values():
            yield from waiting

    def process_again(self, record: Record) -> None:
        """Process a record again that a defect has lost."""
        self._arrived.append(record)
        if not self._continues:
            self.receive()

    def give_up(self, record: Record, error: Exception) -> None:
        """Write a record for which the worker's code raised an exception to the dead letters."""
        try:
            self._pipeline.give_up(record, error)
        except RecordBlocked as wait:
            self._wait(record, wait)
        except Exception:  # noqa: BLE001 - logged; see below
            # `StrandedWatch` finds the record, and processes it again.
            _log.exception("record.stranded", extra={"record": record.place})

    def tick(self) -> None:
        """Retry waiting partitions; the worker calls it twice a second."""
        if self._gate.closed:
            return
        try:
            self.retry()
        except Exception:  # noqa: BLE001 - logged; the next retry comes soon
            _log.exception("lane.failed")

    def retry(self) -> None:
        """Process the waiting records that can be processed now."""
        for assignment in tuple(self._waiting):
            self._retry_record(assignment)
        for assignment in self._blocked.assignments - self._waiting.keys():
            # After a defect, nothing blocks the partition.
            assignment.waits = False
            self._blocked.resumed(assignment)
        if self._arrived:
            self.receive()

    def resume(self, generation: int) -> None:
        """Resume after a rebalance, with the partitions that are still assigned."""
        self._gate.resume(generation)
        self._resume()

    def stall(self, *, stalled: bool) -> None:
        """Pause while nothing can be written to Kafka, and resume afterwards."""
        if self._gate.stalled != stalled:
            self._gate.stalled = stalled
            self._resume()

    def _resume(self) -> None:
        if not self._gate.closed:
            self._pipeline.resume()
            self.receive()

    def receive(self, records: Sequence[Record] = (), handed_s: float = 0.0) -> None:
        """Process records in the order of their arrival, for a slice of time.

        Args:
            records: records of one batch; none: continue with those that arrived before.
            handed_s: when the consumer thread handed them over, monotonic seconds.
        """
        if records:
            self._note_arrival(records, handed_s)
            if self._continues:
                return
        self._continues = False
        arrived, until_s = self._arrived, time.monotonic() + SLICE_S
        while arrived and not self._gate.closed:
            record = arrived.popleft()
            if self._is_next(record):
                try:
                    self._pipeline.process(record)
                except Exception as error:  # noqa: BLE001 - a defect must not hold a partition
                    self._stop_at(record, error)
            if arrived and time.monotonic() >= until_s:
                # The event loop runs other callbacks before the rest.
                self._continues = True
                self._loop.call_soon(self.receive)
                return

    def _note_arrival(self, records: Sequence[Record], handed_s: float) -> None:
        self._pulse.turned(time.monotonic() - handed_s)
        self.received += len(records)
        self._late_at_ms = self._clock.now_ms()
        self._late_ms = max(0, self._late_at_ms - records[0].due_ms)
        self._arrived.extend(records)

    def _is_next(self, record: Record) -> bool:
        """Return whether a record may be processed; one behind a waiting record joins it."""
        if not record.assignment.active:
            return False  # The partition's next owner reads it again.
        waiting = self._waiting.get(record.assignment)
        if waiting is not None:
            waiting.append(record)
        return waiting is None

    def _stop_at(self, record: Record, error: Exception) -> None:
        """Wait at a record that can't be processed yet, or give it up."""
        if isinstance(error, RecordBlocked):
            self._wait(record, error)
        else:
            self.give_up(record, error)

    def _retry_record(self, assignment: Assignment) -> None:
        """Try again to process the record that blocks a partition."""
        waiting = self._waiting.pop(assignment)
        record = waiting.popleft()
        if assignment.active:
            try:
                self._pipeline.process(record)
            except Exception as error:  # noqa: BLE001 - a defect must not hold a partition
                self._stop_at(record, error)
        if assignment in self._waiting:
            self._waiting[assignment].extend(waiting)
            return
        assignment.waits = False
        self._blocked.resumed(assignment)
        self._arrived.extendleft(reversed(waiting))
        if not self._continues:
            self.receive()

    def _wait(self, record: Record, wait: RecordBlocked) -> None:
        """Keep a record, and those behind it, until it can be processed."""
        self._waiting[record.assignment] = deque([record])
        record.assignment.waits = True
        self._blocked.note(record, wait)
