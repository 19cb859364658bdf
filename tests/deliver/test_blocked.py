"""A record that can't be read holds its partition for a bounded time, and all see it."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import cast

import pytest
from confluent_kafka import Message
from hypothesis import given, settings
from hypothesis import strategies as st

from deliver.test_flood import Clock
from deliver.test_lanes import VALUE, WORKSPACE, Desk, ids
from deliver.test_stall import Processor
from deliver.world import assignment
from plaudit.deliver.offsets.assignment import Record, record_of
from plaudit.deliver.offsets.blocked import LOG_AGAIN_S, Blockages, RecordBlocked, overdue_s
from plaudit.deliver.offsets.bridge import LoopBridge
from plaudit.deliver.offsets.pause_gate import PauseGate
from plaudit.deliver.pipeline.context import LaneContext
from plaudit.deliver.pipeline.lanes import DELIVERIES, EVENTS
from plaudit.deliver.pipeline.schema_wait import SchemaWait
from plaudit.events.framing import SchemaId
from plaudit.kafka.broker_clock import BrokerClock
from plaudit.kafka.schemas.lookup import SchemaLookup, unknown
from plaudit.kafka.settings import KafkaSettings
from plaudit.records.names import Header

UNKNOWN = b"\xc3\x01unheard!and more"
FRAMED = b"\x00\x00\x00\x00\x15hello"
LIMIT_S = 300.0


class Schemas:
    """The schemas that a worker knows: those that a test names.

    Attributes:
        is_read: whether the topic has been read to its end.
        has: the schema of the unknown fingerprint.
    """

    is_read = True
    has: str | None = None

    def by_fingerprint(self, fingerprint: bytes) -> str | None:
        if self.has is not None:
            return self.has
        raise unknown(fingerprint, "plaudit.schemas", is_read=self.is_read)

    def by_id(self, schema_id: SchemaId) -> str | None:
        return SchemaLookup(KafkaSettings(bootstrap_servers="127.0.0.1:1")).by_id(schema_id)


class Shop(Desk):
    """Both lanes, and what they send to the dead letters."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = Clock()
        self.unknown = Schemas()
        self.schemas = self.unknown
        self.lane = LaneContext(self._shared())
        self.lane.schema_wait = SchemaWait(LIMIT_S, self.clock)

    @property
    def dead_letters(self) -> list[tuple[int, str, str]]:
        """Offset, reason and detail of each dead letter."""
        found = [each.headers for each in self.brokers.waiting]
        names = (Header.ORIGIN_OFFSET, Header.REASON, Header.LAST_ERROR)
        texts = [[headers.get(name, b"").decode() for name in names] for headers in found]
        return [(int(offset), reason, detail) for offset, reason, detail in texts]

    def comes(self, value: bytes, offset: int = 0) -> Record:
        """Begin an event."""
        record = Record(self.partition, offset, int(time.time() * 1_000), value)
        self.expand(EVENTS, record)
        return record

    def waits(self, value: bytes, seconds: float, offset: int = 0) -> None:
        """See that an event has to wait for so long, looked at twice a second."""
        for _ in range(int(2 * seconds)):
            with pytest.raises(RecordBlocked):
                self.comes(value, offset)
            self.clock.now += 0.5


@pytest.fixture
def shop() -> Shop:
    return Shop()


def test_an_id_without_a_registry_is_unreadable_at_once_and_the_setting_is_named(
    shop: Shop,
) -> None:
    shop.comes(FRAMED)
    [(offset, reason, detail)] = shop.dead_letters
    assert (offset, reason) == (0, "unknown_format")
    assert "PLAUDIT_SCHEMA_REGISTRY_URL is not set" in detail


def test_an_unknown_fingerprint_waits_for_the_set_time_and_is_then_a_dead_letter(
    shop: Shop,
) -> None:
    shop.waits(UNKNOWN, LIMIT_S)
    assert not shop.dead_letters
    shop.comes(UNKNOWN)
    [(_, reason, detail)] = shop.dead_letters
    assert reason == "schema_unknown"
    assert "756e686561726421" in detail
    assert "plaudit schemas register" in detail


def test_a_record_right_behind_does_not_wait_as_long_again(shop: Shop) -> None:
    shop.waits(UNKNOWN, LIMIT_S)
    for offset in range(10):
        shop.comes(UNKNOWN[:5] + b"%05d" % offset, offset)
    assert len(shop.dead_letters) == 10
    shop.clock.now += 3_600
    shop.waits(UNKNOWN, LIMIT_S, 11)


def test_a_topic_that_is_not_read_to_its_end_condemns_nothing(shop: Shop) -> None:
    shop.unknown.is_read = False
    shop.waits(UNKNOWN, 2 * LIMIT_S)
    shop.unknown.is_read = True
    shop.waits(UNKNOWN, LIMIT_S - 1)
    assert not shop.dead_letters


def test_a_schema_that_arrives_in_time_ends_the_wait(shop: Shop) -> None:
    shop.waits(UNKNOWN, LIMIT_S / 2)
    shop.unknown.has = '{"type": "record", "name": "Stranger", "fields": []}'
    shop.comes(UNKNOWN)
    assert [reason for _, reason, _ in shop.dead_letters] == ["unknown_record"]


def test_an_operator_ends_the_wait_for_one_record(shop: Shop) -> None:
    shop.waits(UNKNOWN, 5)
    shop.lane.schema_wait.unblocked = {shop.partition.partition: 0}
    shop.comes(UNKNOWN)
    assert [reason for _, reason, _ in shop.dead_letters] == ["schema_unknown"]
    shop.waits(UNKNOWN, 5, 1)


def test_unreadable_records_are_logged_but_not_each(
    shop: Shop, caplog: pytest.LogCaptureFixture
) -> None:
    for offset in range(50):
        shop.comes(b"garbage", offset)
    [said] = [each for each in caplog.records if each.msg == "record.unreadable"]
    assert said.__dict__["offset"] == 0
    assert said.__dict__["reason"] == "unknown_format"
    assert shop.lane.counters.undecodable["unknown_format"] == 50


def test_a_blockage_is_logged_once_a_minute_with_its_place(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    clock, record = Clock(), Record(assignment(3), 7, 0, b"")
    blockages = Blockages(clock)
    for _ in range(int(2 * 3 * LOG_AGAIN_S)):
        blockages.note(record, RecordBlocked("schema x is not known"))
        clock.now += 0.5
    said = [each.__dict__ for each in caplog.records if each.msg == "partition.blocked"]
    assert [each["for_s"] for each in said] == [0, 60, 120]
    assert {(each["partition"], each["offset"]) for each in said} == {("events[3]", 7)}
    [blockage] = blockages.now
    assert blockage.describe() == "events[3] waits at offset 7: schema x is not known"
    blockages.resumed(record.assignment)
    assert blockages.now == []
    assert caplog.records[-1].msg == "partition.resumed"


def test_a_problem_of_all_partitions_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    blockages = Blockages(Clock())
    for number in range(5):
        wait = RecordBlocked("the table is not current", everywhere=True)
        blockages.note(Record(assignment(number), 0, 0, b""), wait)
    assert len(caplog.records) == 1
    assert not any(each.by_record for each in blockages.now)


def test_a_lane_is_as_late_as_its_next_record() -> None:
    blockages, held = Blockages(), assignment(1)
    record = Record(assignment(0), 0, 10_000, b"")
    blockages.note(record, RecordBlocked("x"))
    assert overdue_s(blockages.now, [held], 236_000) == 226
    held.intake.offer(Record(held, 0, 6_000, b""))
    assert overdue_s([], [held], 236_000) == 230
    assert overdue_s([], [assignment(2)], 236_000) == 0


def test_events_behind_stray_records_are_begun(shop: Shop) -> None:
    """The lane as a worker runs it: what stands before an event does not keep it."""
    [to] = ids(1)
    shop.has(to)
    stray = [FRAMED, b"garbage", b"", b"\x00\x00\x00\x00\x00apicurio", UNKNOWN]
    records = [
        Record(shop.partition, offset, int(time.time() * 1_000), value)
        for offset, value in enumerate([*stray, VALUE])
    ]

    async def run() -> None:
        done = asyncio.Event()

        class Lane(Processor):
            def process(self, record: Record) -> None:
                shop.expand(EVENTS, record)
                if to in shop.done:
                    done.set()

        loop = asyncio.get_running_loop()
        lane = LoopBridge("events", Lane(), PauseGate(), loop, BrokerClock())
        lane.receive(records)
        while not lane.blocked:  # on a busy machine, its slice of time ends before
            lane.receive()
        [blockage] = lane.blocked
        assert blockage.offset == len(stray) - 1
        assert blockage.by_record
        assert not shop.done
        shop.lane.schema_wait.unblocked = {shop.partition.partition: blockage.offset}
        lane.tick()
        await done.wait()
        assert lane.blocked == []
        assert not shop.partition.waits

    asyncio.run(run())
    assert [offset for offset, _, _ in shop.dead_letters] == list(range(len(stray)))


@pytest.mark.parametrize("said", [10**18, 2**63 - 1, -1, -(2**63)])
def test_no_timestamp_holds_a_record_forever(said: int) -> None:
    class Stamped:
        def offset(self) -> int:
            return 0

        def timestamp(self) -> tuple[int, int]:
            return 0, said

        def value(self) -> None:
            return None

    record = record_of(assignment(), cast("Message", Stamped()), 2_000_000_000_000)
    assert 0 <= record.due_ms <= 2_000_000_000_000
    assert record.value == b""


_NAMES = st.text(max_size=20) | st.sampled_from(
    [value for name, value in vars(Header).items() if name.isupper() and isinstance(value, str)]
)


@settings(max_examples=300, deadline=None)
@given(
    value=st.binary(max_size=200) | st.binary(max_size=50).map(lambda tail: VALUE[:-20] + tail),
    head=st.sampled_from([b"", b"\x00\x00\x00\x00\x01", b"\xc3\x01", VALUE[:10]]),
    headers=st.dictionaries(_NAMES, st.binary(max_size=30), max_size=8),
    addressed=st.booleans(),
)
def test_whatever_a_record_holds_it_begins_waits_or_is_a_dead_letter(
    value: bytes, head: bytes, headers: dict[str, bytes], *, addressed: bool
) -> None:
    shop, [to] = Shop(), ids(1)
    shop.has(to)
    if addressed:
        own = {Header.ENDPOINT_ID: to.encode(), Header.WORKSPACE_ID: WORKSPACE.encode()}
        headers = {str(name): each for name, each in own.items()} | headers
    for kind in (EVENTS, DELIVERIES):
        message = Message(value=head + value, headers=list(headers.items()))
        record = Record(shop.partition, 0, int(time.time() * 1_000), head + value, message)
        ended = len(shop.dead_letters), len(shop.done), len(shop.released)
        waited_for = ""
        try:
            shop.expand(kind, record)
        except RecordBlocked as wait:
            waited_for = wait.reason
        now = len(shop.dead_letters), len(shop.done), len(shop.released)
        assert (now == ended) == ("is not known" in waited_for)
        shop.done.clear()
