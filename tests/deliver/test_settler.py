"""A delivery is settled when the brokers have all of it, and not a moment earlier."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from typing import cast

import pytest

from deliver.brokers import Brokers
from deliver.world import answer, assignment, endpoint
from plaudit.deliver.model.attempted import Attempted
from plaudit.deliver.model.decision import DELIVERED, Decision, Diverted, Reason, Retry
from plaudit.deliver.model.delivery import Delivery, History, origin_of
from plaudit.deliver.offsets.assignment import Record
from plaudit.deliver.settle.oversized import KNOWN_S, OversizedWrites
from plaudit.deliver.settle.records import Write
from plaudit.deliver.settle.settler import Settler
from plaudit.events.decoding import Event
from plaudit.kafka.broker_clock import BrokerClock
from plaudit.kafka.write.producer import Producer
from plaudit.records.attempt import confluent_framing, decode_attempt, single_object
from plaudit.records.delays import parse_delays
from plaudit.records.names import Header, Names, Trigger

NAMES = Names("")
[SOON] = parse_delays("5s")
ENDPOINT = endpoint(str(uuid.UUID(int=2)))
EVENT = Event(str(uuid.UUID(int=1)), "testimonial.approved", "", "w", "s", "k", {})
RETRY = Retry(SOON, Reason.STATUS, None)
ANSWERED = Attempted(answer(503), 1_000)


@dataclass
class Desk:
    """A settler between a partition and brokers that answer when told.

    Attributes:
        released: offsets of records that were reported as settled.
    """

    brokers: Brokers = field(default_factory=Brokers)
    released: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.settler = Settler(cast("Producer", self.brokers), NAMES, "w", BrokerClock())
        self.assignment = assignment()
        self.assignment.release = lambda record: self.released.append(record.offset)

    def settle(
        self,
        decision: Decision,
        attempted: Attempted | None = ANSWERED,
        *,
        offset: int = 7,
        size: int = 5,
    ) -> None:
        """Settle the delivery of a record."""
        record = Record(self.assignment, offset, 0, b"x" * size)
        history = History(Trigger.EVENT, 0, 0, 0, 0)
        origin = origin_of(record)
        to = ENDPOINT.endpoint_id
        delivery = Delivery(record, EVENT, b"{}", to, ENDPOINT, origin, history)
        self.settler.settle(delivery, decision, attempted)


@pytest.mark.parametrize("first", [0, 1])
def test_a_retry_is_settled_when_both_its_record_and_its_line_are_acknowledged(first: int) -> None:
    desk = Desk()
    desk.settle(RETRY)
    desk.brokers.waiting.rotate(first)
    topics = {desk.brokers.acknowledge().topic}
    assert not desk.released
    topics.add(desk.brokers.acknowledge().topic)
    assert desk.released == [7]
    assert topics == {NAMES.attempts, NAMES.deliveries(SOON)}


def test_a_delivery_is_settled_when_its_attempt_record_is_acknowledged() -> None:
    desk = Desk()
    desk.settle(DELIVERED)
    assert not desk.released
    assert desk.brokers.acknowledge().topic == NAMES.attempts
    assert desk.released == [7]


def test_attempt_records_have_the_framing_of_the_settings_and_deliveries_do_not() -> None:
    desk = Desk()
    desk.settler.framing = confluent_framing(77)
    desk.settle(RETRY)
    written = {each.topic: each for each in desk.brokers.waiting}
    line = written[NAMES.attempts]
    assert line.value[:5] == b"\0\0\0\0\x4d"
    assert decode_attempt(single_object(line.value, line.headers))["outcome"] == "retrying"
    assert written[NAMES.deliveries(SOON)].value == b"xxxxx"


def test_a_failed_write_is_repeated_until_it_succeeds(
    caplog: pytest.LogCaptureFixture,
) -> None:
    desk = Desk()
    desk.settle(Diverted(SOON, Reason.BACKLOG), None)
    for _ in range(3):
        first = desk.brokers.refuse()
        assert desk.settler.backlog == 1
        desk.settler.repeat_failed()
        desk.brokers.waiting.rotate(1)
        assert desk.brokers.waiting[0][:4] == first[:4]
    assert not desk.released
    desk.brokers.acknowledge()
    desk.brokers.acknowledge()
    assert desk.released == [7]
    assert [each.message for each in caplog.records if each.levelname == "ERROR"] == [
        "settle.failed"
    ]


def test_a_permanently_refused_write_becomes_a_dead_letter_with_its_origin() -> None:
    desk = Desk()
    desk.settle(RETRY)
    desk.brokers.refuse(retriable=False)
    desk.brokers.acknowledge()
    desk.settler.repeat_failed()
    assert not desk.released
    letter = desk.brokers.acknowledge()
    assert letter.topic == NAMES.dlq_deliveries
    assert letter.headers[Header.ORIGIN_OFFSET] == b"7"
    assert desk.released == [7]


def test_only_oversized_records_of_a_refused_batch_become_dead_letters() -> None:
    """Brokers refuse all of a batch; each of it is tried once more with nothing else beside it."""
    desk = Desk()
    brokers = desk.brokers
    limit = 1_000
    sizes = {0: 10, 1: 90_000, 2: 20, 3: 95_000, 4: 30, 5: 500, 6: 92_000, 7: 40}
    for offset, size in list(sizes.items())[:5]:
        desk.settle(Diverted(SOON, Reason.BACKLOG), None, offset=offset, size=size)
    letters: list[int] = []
    for send_time in range(60):
        if send_time == 1:  # in the middle of it, more comes
            for offset in (5, 6, 7):
                size = sizes[offset]
                desk.settle(Diverted(SOON, Reason.BACKLOG), None, offset=offset, size=size)
        batch = [each for each in brokers.waiting if each.topic == NAMES.deliveries(SOON)]
        if sum(len(each.value) for each in batch) > limit:
            brokers.find_too_large(*batch)
        while brokers.waiting:
            sent = brokers.acknowledge()
            if sent.topic == NAMES.dlq_deliveries:
                letters.append(int(sent.headers[Header.ORIGIN_OFFSET]))
        desk.settler.repeat_failed()
    assert sorted(letters) == [1, 3, 6]
    assert desk.settler.refused == 3
    assert sorted(desk.released) == list(sizes)
    assert desk.settler.backlog == 0


def test_a_limit_that_was_raised_is_noticed_within_a_minute() -> None:
    now = [0.0]
    oversized: OversizedWrites[None] = OversizedWrites(lambda: now[0])
    write = Write("t", b"x" * 100, b"", None)
    oversized.add(write, None)
    tried = oversized.next()
    assert tried is not None
    assert oversized.sends(write)
    oversized.answered(write, taken=False)
    oversized.add(write, None)
    assert oversized.confirmed() == [(write, None)]
    again = Write("t", b"y" * 100, b"", None)
    oversized.add(again, None)
    assert oversized.confirmed() == [(again, None)], "no smaller than what was too large alone"
    now[0] += KNOWN_S
    oversized.add(again, None)
    assert oversized.confirmed() == []
    assert oversized.next() == (again, None)
