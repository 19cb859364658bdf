"""Writes what was decided, and reports a delivery as settled when the brokers have all of it.

A write that fails and can succeed later is repeated until it does; meanwhile its partition does not
advance. One that is refused for good becomes a dead letter. Nothing is ever given up silently.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Final

from plaudit.deliver import moves
from plaudit.deliver.decide import Decision
from plaudit.deliver.delivery import Delivery, Origin, Record, origin_of
from plaudit.deliver.moves import Attempted, Headers, Write
from plaudit.deliver.suspects import Suspects
from plaudit.events.ids import new_id_text
from plaudit.kafka.clock import BrokerClock
from plaudit.kafka.errors import BufferFull, KafkaFailure, KafkaUnavailable, RecordTooLarge
from plaudit.kafka.producer import Ack, Producer, SendFailure
from plaudit.records.names import Names

_log = logging.getLogger(__name__)

REPEAT_EVERY_S: Final = 0.25
STALLED_AFTER_S: Final = 1.0
"""A broker that is lost has its partitions led by others about as soon."""
SERVE_EVERY_S: Final = 0.01
"""Acknowledgements are asked for so often while some are due: nobody waits for them but commits."""
IDLE_EVERY_S: Final = 0.1
TRY_EVERY_S: Final = 10.0
"""What is silent may be one partition only: so often, a second's attempts find out."""


MOST_FANNED_OUT: Final = 1_000
MOST_FANNED_OUT_BYTES: Final = 4 * 1024 * 1024
"""Records of wide events that may wait for their acknowledgement. A thousand take 3 MB here, and
brokers acknowledge them in some 20 ms: enough for all that a core can write. The bytes are an
eighth of the producer's buffer, so that there is room for what other deliveries write."""


class Ticket:
    """Writes of one delivery, or of a wide event, that are not acknowledged yet.

    Attributes:
        left: how many; for a wide event one more, until the last one is sent.
        record: to release when none is left.
        origin: for the dead letter, should a write be refused.
        wide: of a wide event.
    """

    __slots__ = ("left", "origin", "record", "wide")

    def __init__(self, left: int, record: Record, origin: Origin, *, wide: bool = False) -> None:
        self.left = left
        self.record = record
        self.origin = origin
        self.wide = wide


class Settler:
    """Settles deliveries; all methods belong to the event loop's thread.

    Args:
        producer: writes; it has no thread, so that `serve` brings its acknowledgements.
        names: of the topics.
        worker: this process, for the log.
        clock: hears of every append time.
        monotonic: seconds that never jump.
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
        self._waiting: deque[tuple[Write, Ticket]] = deque()
        self._failed: deque[tuple[Write, Ticket, SendFailure]] = deque()
        self._troubles: dict[str, KafkaFailure] = {}
        self.refused = 0
        self._suspects: Suspects[tuple[Ticket, str]] = Suspects(monotonic)
        # Writes, and answers of brokers.
        self._opened = 0
        self._closed = 0
        self._answers = 0
        self._seen_answers = 0
        self._fanned_out = 0
        self._fanned_out_bytes = 0
        self._monotonic = monotonic
        self._heard_at = monotonic()

    @property
    def silent_s(self) -> float:
        """For how long no broker has answered a write, while one waits; seconds."""
        return self._monotonic() - self._heard_at

    @property
    def stalled(self) -> bool:
        """Whether nothing should be begun: it could not be written down."""
        return self.silent_s % TRY_EVERY_S > STALLED_AFTER_S

    @property
    def backlog(self) -> int:
        """Writes that could not be handed to the producer, or failed and are to be repeated."""
        return len(self._waiting) + len(self._failed) + len(self._suspects)

    @property
    def trouble(self) -> str | None:
        """Why writes fail at the moment; None while they don't."""
        return next((str(error) for error in tuple(self._troubles.values())), None)

    def settle(
        self, delivery: Delivery, decision: Decision, attempted: Attempted | None = None
    ) -> None:
        """Write where the delivery goes and its line in the log; then it is settled."""
        now_ms = int(time.time() * 1_000)
        move = moves.move(self._names, delivery, decision, attempted)
        identity = (new_id_text(), self._worker)
        line = moves.line(delivery, decision, attempted, identity, now_ms)
        attempt = Write(self._attempts, line, delivery.endpoint_id.encode(), None)
        ticket = Ticket(1 if move is None else 2, delivery.record, delivery.origin)
        self._opened += ticket.left
        if move is not None:
            self._send(move, ticket)
        self._send(attempt, ticket)

    @property
    def fans_out(self) -> bool:
        """Whether more of wide events may be written now."""
        return (
            self._fanned_out < MOST_FANNED_OUT
            and self._fanned_out_bytes < MOST_FANNED_OUT_BYTES
            and not self.backlog
        )

    def open_wide(self, record: Record) -> Ticket:
        """Return the ticket of a wide event; `fan_out` adds writes until `close_wide` closes it."""
        return Ticket(1, record, origin_of(record), wide=True)

    def fan_out(self, ticket: Ticket, endpoint_id: str, headers: Headers) -> None:
        """Hand a delivery of a wide event to the deliveries lane."""
        record = ticket.record
        self._opened += 1
        self._fanned_out += 1
        self._fanned_out_bytes += record.size
        ticket.left += 1
        write = Write(self._names.deliveries_now, record.value, endpoint_id.encode(), headers)
        self._send(write, ticket)

    def close_wide(self, ticket: Ticket) -> None:
        """Take note that everything of a wide event was sent."""
        self._tear_off(ticket)

    def bury(self, record: Record, reason: str, detail: str) -> None:
        """Write a record that is no event to its dead-letter topic."""
        self._opened += 1
        ticket = Ticket(1, record, origin_of(record))
        self._send(moves.unreadable(self._names, record, reason, detail), ticket)

    async def run(self) -> None:
        """Repeat what failed and send what waited, until cancelled."""
        while True:
            await asyncio.sleep(REPEAT_EVERY_S)
            self.look()

    async def serve(self) -> None:
        """Take acknowledgements as they come, until cancelled."""
        while True:
            idle = self._closed == self._opened
            await asyncio.sleep(IDLE_EVERY_S if idle else SERVE_EVERY_S)
            self._producer.serve()

    def _send(self, write: Write, ticket: Ticket) -> None:
        # What the brokers refuse of the log's lines is sent again and again, and needs no trial.
        tried = write.topic != self._attempts
        if tried and not self._suspects.sends(write):
            self._waiting.append((write, ticket))
            return
        try:
            self._producer.send(
                write.topic,
                write.value,
                write.key,
                write.headers,
                on_ack=partial(self._report, write, ticket),
            )
        except BufferFull:
            if tried:
                self._suspects.answered(write, taken=False)
            self._waiting.append((write, ticket))

    def _report(self, write: Write, ticket: Ticket, outcome: Ack | SendFailure) -> None:
        """Take what became of a write."""
        if write.topic != self._attempts:
            self._suspects.answered(write, taken=isinstance(outcome, Ack))
        match outcome:
            case SendFailure():
                # A refusal is an answer, too.
                self._answers += not isinstance(outcome.error, KafkaUnavailable)
                self._failed.append((write, ticket, outcome))
            case _:
                self._answers += 1
                self._clock.observe(outcome.timestamp_ms)
                if self._troubles:
                    self._recovered(write.topic)
                self._closed += 1
                if ticket.wide:
                    self._fanned_out -= 1
                    self._fanned_out_bytes -= ticket.record.size
                self._tear_off(ticket)

    def _tear_off(self, ticket: Ticket) -> None:
        ticket.left -= 1
        if not ticket.left:
            ticket.record.assignment.release(ticket.record)

    def look(self) -> None:
        """Repeat what failed, and see whether a broker has answered since, or none has to."""
        self._repeat()
        answers = self._answers
        if answers != self._seen_answers or self._closed == self._opened:
            self._seen_answers, self._heard_at = answers, self._monotonic()

    def _repeat(self) -> None:
        for _ in range(len(self._failed)):
            write, ticket, failure = self._failed.popleft()
            self._say(write, failure)
            if failure.retriable or write.topic == self._attempts:
                self._send(write, ticket)
            elif isinstance(failure.error, RecordTooLarge):
                self._suspects.add(write, (ticket, str(failure.error)))
            else:
                self._refuse(write, ticket, str(failure.error))
        for write, (ticket, error) in self._suspects.convicted():
            self._refuse(write, ticket, error)
        if (suspect := self._suspects.next()) is not None:
            write, (ticket, _) = suspect
            self._send(write, ticket)
        for _ in range(len(self._waiting)):
            self._send(*self._waiting.popleft())

    def _refuse(self, write: Write, ticket: Ticket, error: str) -> None:
        """Make a dead letter of what the brokers will never take."""
        self.refused += 1
        self._send(moves.refused(self._names, write, ticket.origin, error), ticket)

    def _say(self, write: Write, failure: SendFailure) -> None:
        """Log a failure once for each topic, not at every repetition."""
        before = self._troubles.get(write.topic)
        self._troubles[write.topic] = failure.error
        # By its code: librdkafka has several texts for one trouble, and gives them in turn.
        if before is None or before.code != failure.error.code:
            _log.error("settle.failed", extra={"topic": write.topic, "error": str(failure.error)})

    def _recovered(self, topic: str) -> None:
        """Forget what was wrong with a topic, and say so."""
        before = self._troubles.pop(topic, None)
        if before is not None:
            _log.info("settle.recovered", extra={"topic": topic, "after": str(before)})
