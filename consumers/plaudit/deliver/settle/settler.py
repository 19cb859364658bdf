"""Settler: writes decisions to Kafka, and completes a record when all its writes are acknowledged.

The settler repeats a write that can succeed later; meanwhile its partition does not advance. A
write that the brokers refuse permanently becomes a dead letter.

If the worker's code raises an exception for a write, the settler repeats the write, and then
reduces it, finally to `bare_letter`, which can be written for any record. So no offset is committed
before its record is settled, and no record blocks its partition forever.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterator
from functools import partial
from typing import Final

from plaudit.deliver.model.attempted import Attempted
from plaudit.deliver.model.decision import Decision, Reason
from plaudit.deliver.model.defects import Defects, Stage
from plaudit.deliver.model.delivery import Delivery, Origin, origin_of
from plaudit.deliver.offsets.assignment import Record
from plaudit.deliver.settle import log_line, records
from plaudit.deliver.settle.dead_records import bare_letter, letter_of
from plaudit.deliver.settle.headers import Headers
from plaudit.deliver.settle.oversized import OversizedWrites
from plaudit.deliver.settle.records import Write
from plaudit.deliver.settle.serving import Serving
from plaudit.deliver.settle.silence import Silence
from plaudit.deliver.settle.tickets import OpenTickets, Ticket
from plaudit.deliver.settle.topic_failures import TopicFailures
from plaudit.events.ids import IdSequence
from plaudit.kafka.broker_clock import BrokerClock
from plaudit.kafka.errors import BufferFull, KafkaFailure, KafkaUnavailable, RecordTooLarge
from plaudit.kafka.write.producer import Ack, Producer, SendFailure
from plaudit.logs.logger import event_logger
from plaudit.records.attempt import AttemptFraming
from plaudit.records.names import Names

_log = event_logger(__name__)

REPEAT_EVERY_S: Final = 0.25
MOST_RAISED: Final = 3
"""Attempts at a write that raises an exception, before it is reduced."""


class Settler:
    """Settles deliveries; all methods belong to the event loop's thread.

    Args:
        producer: producer without a thread; `serve` polls its acknowledgements.
        names: names of the topics.
        worker: name of this process, for the delivery log.
        clock: the brokers' clock, which receives every append time.
        monotonic: monotonic seconds.

    Attributes:
        refused: number of writes that the brokers refused permanently.
        defects: defects of both lanes.
        framing: framing of attempt records; None: single-object encoding.
    """

    def __init__(
        self,
        producer: Producer,
        names: Names,
        worker: str,
        clock: BrokerClock,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._producer = producer
        self._clock = clock
        self._names = names
        self._attempts = names.attempts
        self._worker = worker
        self._attempt_ids = IdSequence()
        self._waiting: deque[tuple[Write, Ticket]] = deque()
        self._failed: deque[tuple[Write, Ticket, SendFailure]] = deque()
        self._failures = TopicFailures()
        self.refused = 0
        self.framing: AttemptFraming | None = None
        self.defects = Defects(monotonic)
        self._oversized: OversizedWrites[tuple[Ticket, str]] = OversizedWrites(monotonic)
        # Writes that raised an exception, and records without a write.
        self._raised: deque[tuple[Write, Ticket, Exception]] = deque()
        self._unwritten: deque[tuple[Record, str, str]] = deque()
        self._tickets = OpenTickets(self.defects)
        self._serving = Serving(producer, self._tickets)
        self._silence = Silence(monotonic)

    @property
    def silent_s(self) -> float:
        """Seconds for which no broker has answered although a write waits."""
        return self._silence.seconds

    @property
    def stalled(self) -> bool:
        """Whether the lanes should pause, because outcomes can't be written."""
        return self._silence.is_stall

    @property
    def backlog(self) -> int:
        """Number of writes to repeat: the producer did not accept them, or they failed."""
        return len(self._waiting) + len(self._failed) + len(self._oversized)

    @property
    def _queued(self) -> int:
        return self.backlog + len(self._raised) + self._tickets.unreleased

    @property
    def trouble(self) -> str | None:
        """Reason of failing writes; None if they succeed."""
        defect = "a defect in the worker; see its log" if self._raised or self._unwritten else None
        return self._failures.first or defect

    @property
    def records(self) -> Iterator[Record]:
        """Records with writes that are not acknowledged; in the event loop's thread.

        If nothing is in flight or waits, no acknowledgement can arrive: a defect has lost the
        remaining ones, so they are left out.
        """
        if not self._queued and not self._producer.unacknowledged():
            self._tickets.forget_lost()
        yield from self._tickets.records
        for record, _, _ in self._unwritten:
            yield record

    def now_ms(self) -> int:
        """Return the brokers' time in epoch milliseconds; after a defect, this machine's."""
        try:
            return self._clock.now_ms()
        except Exception as error:  # noqa: BLE001 - a delivery must not fail for want of the exact time
            self.defects.note(Stage.SETTLE, error)
            return int(time.time() * 1_000)

    def settle(
        self,
        delivery: Delivery,
        decision: Decision,
        attempted: Attempted | None = None,
        *,
        needs_line: bool = True,
    ) -> Ticket:
        """Write the next record of a delivery and its attempt record; return their ticket.

        Args:
            delivery: the delivery.
            decision: the decision about it.
            attempted: the HTTP attempt, if one was made.
            needs_line: False: write the next record even if the attempt record can't be built.

        Raises:
            Exception: a defect; nothing was written.
        """
        next_record = records.next_record(self._names, delivery, decision, attempted)
        writes = [] if next_record is None else [next_record]
        try:
            writes.append(self._line(delivery, decision, attempted))
        except Exception as error:
            if needs_line:
                raise
            self.defects.note(Stage.SETTLE, error, delivery.record)
        return self._open(delivery.record, delivery.origin, writes)

    def _line(self, delivery: Delivery, decision: Decision, attempted: Attempted | None) -> Write:
        identity = (self._attempt_ids.next(), self._worker)
        line = log_line.line(delivery, decision, attempted, identity, self.now_ms())
        value, headers = (line, None) if self.framing is None else self.framing.framed(line)
        headers = log_line.with_trace(headers, delivery)
        return Write(self._attempts, value, delivery.endpoint_id.encode(), headers)

    @property
    def fans_out(self) -> bool:
        """Whether more deliveries of wide events may be written now."""
        return self._tickets.has_room and not self.backlog

    def open_wide(self, record: Record) -> Ticket:
        """Return the ticket of a wide event; `fan_out` adds writes until `close_wide`."""
        return self._tickets.open_wide(record)

    def fan_out(self, ticket: Ticket, endpoint_id: str, headers: Headers) -> None:
        """Write a delivery of a wide event to the deliveries lane."""
        value = ticket.record.value
        self._add(ticket, Write(self._names.deliveries_now, value, endpoint_id.encode(), headers))

    def close_wide(self, ticket: Ticket) -> None:
        """Note that all writes of a wide event were sent."""
        self._serving.expect()
        self._tickets.count_down(ticket)

    def give_up_wide(self, ticket: Ticket, reason: str, detail: str) -> None:
        """Write the record of a wide event to the dead letters, as the last of its writes."""
        self._add(ticket, letter_of(self._names, ticket.record, reason, detail, self.defects))
        self._tickets.count_down(ticket)

    def _add(self, ticket: Ticket, write: Write) -> None:
        """Send one more write of a wide event."""
        self._tickets.add(ticket)
        try:
            self._send(write, ticket)
        except Exception as error:  # noqa: BLE001 - tried again by `repeat_failed`
            self._raised.append((write, ticket, error))

    def dead_letter(self, record: Record, reason: str, detail: str) -> None:
        """Write a record to `dlq.events`, without its headers if necessary."""
        try:
            letter = letter_of(self._names, record, reason, detail, self.defects)
            self._open(record, origin_of(record), [letter])
        except Exception as error:  # noqa: BLE001 - tried again by `repeat_failed`
            self.defects.note(Stage.SETTLE, error, record)
            self._unwritten.append((record, reason, detail))
            self._serving.expect()

    def _open(self, record: Record, origin: Origin, writes: list[Write]) -> Ticket:
        """Send the writes of one delivery; the ticket survives every defect."""
        ticket = self._tickets.open(record, origin, len(writes))
        for write in writes:
            try:
                self._send(write, ticket)
            except Exception as error:  # noqa: BLE001 - tried again by `repeat_failed`
                self._raised.append((write, ticket, error))
        return ticket

    async def run(self) -> None:
        """Repeat failed and waiting writes until cancelled; if none waits, wait for one."""
        while True:
            if not self._queued and not self._unwritten and self._serving.idle:
                self._silence.rest()
                await self._serving.written()
                self._silence.wake()
            await asyncio.sleep(REPEAT_EVERY_S)
            try:
                self.repeat_failed()
            except Exception as error:  # noqa: BLE001 - the next look comes soon
                self.defects.note(Stage.WRITE, error)

    async def serve(self) -> None:
        """Poll for acknowledgements, until cancelled."""
        await self._serving.run()

    def _send(self, write: Write, ticket: Ticket) -> None:
        self._serving.expect()
        # Attempt records are repeated without end, so they need no trial.
        tried = write.topic != self._attempts
        if tried and not self._oversized.sends(write):
            self._waiting.append((write, ticket))
            return
        try:
            on_ack = partial(self._report, write, ticket)
            self._producer.send(write.topic, write.value, write.key, write.headers, on_ack=on_ack)
        except BufferFull:
            self._waiting.append((write, ticket))
            if tried:
                self._oversized.answered(write, taken=False)
        except Exception:
            if tried:
                self._oversized.answered(write, taken=False)
            raise

    def _report(self, write: Write, ticket: Ticket, outcome: Ack | SendFailure) -> None:
        """Receive the outcome of a write."""
        # The record is settled first, so that an exception in the rest can't prevent it.
        match outcome:
            case SendFailure():
                # A refusal also shows that the broker answers.
                self._silence.answers += not isinstance(outcome.error, KafkaUnavailable)
                self._failed.append((write, ticket, outcome))
            case _:
                self._silence.answers += 1
                self._tickets.written(ticket)
        try:
            self._note_answer(write, outcome)
        except Exception as error:  # noqa: BLE001 - the write is settled already
            self.defects.note(Stage.WRITE, error, ticket.record)

    def _note_answer(self, write: Write, outcome: Ack | SendFailure) -> None:
        if write.topic != self._attempts:
            self._oversized.answered(write, taken=isinstance(outcome, Ack))
        if isinstance(outcome, Ack):
            self._clock.observe(outcome.timestamp_ms)
            self._failures.recovered(write.topic)

    def repeat_failed(self) -> None:
        """Repeat failed writes, and check whether brokers answer."""
        self._after_defects()
        self._repeat()
        self._silence.look(waits=not self._tickets.idle)

    def _repeat(self) -> None:
        for _ in range(len(self._failed)):
            write, ticket, failure = self._failed.popleft()
            try:
                self._after_failure(write, ticket, failure)
            except Exception as error:  # noqa: BLE001 - tried again at the next look
                self._raised.append((write, ticket, error))
        for write, (ticket, reason) in self._oversized.confirmed():
            try:
                self._refuse(write, ticket, reason)
            except Exception as error:  # noqa: BLE001 - the same
                self._raised.append((write, ticket, error))
        if (suspect := self._oversized.next()) is not None:
            self._waiting.append((suspect[0], suspect[1][0]))
        for _ in range(len(self._waiting)):
            write, ticket = self._waiting.popleft()
            try:
                self._send(write, ticket)
            except Exception as error:  # noqa: BLE001 - the same
                self._raised.append((write, ticket, error))

    def _after_failure(self, write: Write, ticket: Ticket, failure: SendFailure) -> None:
        """Repeat a write that the brokers did not take, if that can help."""
        self._failures.failed(write.topic, failure.error)
        if failure.retriable or write.topic == self._attempts:
            self._send(write, ticket)
        elif isinstance(failure.error, RecordTooLarge):
            self._oversized.add(write, (ticket, str(failure.error)))
        else:
            self._refuse(write, ticket, str(failure.error))

    def _after_defects(self) -> None:
        """Repeat the writes that raised an exception."""
        for _ in range(len(self._raised)):
            write, ticket, error = self._raised.popleft()
            try:
                self._send_after(write, ticket, error)
            except Exception as again:  # noqa: BLE001 - tried again at the next look
                self._raised.append((write, ticket, again))
        for _ in range(len(self._unwritten)):
            self.dead_letter(*self._unwritten.popleft())
        self._tickets.release_again()

    def _send_after(self, write: Write, ticket: Ticket, error: Exception) -> None:
        """Repeat a write that raised an exception, or a reduced one."""
        self.defects.note(Stage.WRITE, error, ticket.record)
        # A closed producer is not a fault of the write.
        ticket.raised += not isinstance(error, KafkaFailure)
        if ticket.raised <= MOST_RAISED:
            self._send(write, ticket)
        elif write.topic == self._attempts:
            self._tickets.written(ticket)
        else:
            self._send(bare_letter(self._names, ticket.record, Reason.DEFECT), ticket)

    def _refuse(self, write: Write, ticket: Ticket, error: str) -> None:
        """Write a dead letter for a record that the brokers refuse permanently."""
        self.refused += 1
        self._send(records.refused_record(self._names, write, ticket.origin, error), ticket)
