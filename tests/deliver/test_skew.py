"""A worker whose clock is wrong decides, waits, signs and expires by the brokers' clock."""

from __future__ import annotations

import asyncio
import time

import pytest

from deliver.test_stall import Processor
from deliver.whole import OK, Whole, event
from plaudit.deliver.clock_probe import learn_time
from plaudit.deliver.offsets.assignment import Assignment, Record
from plaudit.deliver.offsets.bridge import LoopBridge
from plaudit.deliver.offsets.pause_gate import PauseGate
from plaudit.kafka.broker_clock import BrokerClock
from plaudit.kafka.read.consumer import CommittedOffset, Partition
from plaudit.kafka.settings import KafkaSettings
from plaudit.kafka.write.producer import Producer
from plaudit.transport.answer import Answer

OFF_S = {"a minute behind": -60, "an hour behind": -3_600, "an hour ahead": 3_600, "3 d": 259_200}
CLOSE_MS = 10_000
"""What a test may take; the least skew is six times as much."""


def off_by(seconds: float) -> BrokerClock:
    """Return the clock of a worker whose own is wrong, once the brokers have told theirs."""
    clock = BrokerClock(wall=lambda: time.time() + seconds)
    clock.observe(int(time.time() * 1_000))
    return clock


@pytest.mark.parametrize("off_s", OFF_S.values(), ids=OFF_S.keys())
async def test_requests_are_signed_with_the_brokers_time(off_s: float) -> None:
    whole = Whole(clock=off_by(off_s))
    signed_at: list[int] = []

    def answer(lines: bytes) -> Answer:
        stamp = lines.partition(b"webhook-timestamp: ")[2].partition(b"\r\n")[0]
        signed_at.append(int(stamp))
        return OK

    whole.sender.answers = answer
    whole.events.hand_over(event(0))
    await whole.run()
    assert signed_at
    assert all(abs(each - time.time()) * 1_000 < CLOSE_MS for each in signed_at)


@pytest.mark.parametrize("off_s", OFF_S.values(), ids=OFF_S.keys())
def test_a_tier_waits_by_the_brokers_clock_and_events_wait_for_no_clock(off_s: float) -> None:
    clock = off_by(off_s)
    now_ms = int(time.time() * 1_000)

    def taken(delay_ms: int, age_ms: int) -> int:
        place = CommittedOffset(0, "")
        here = Assignment(Partition("t", 0), delay_ms, place, 0, lambda _: None)
        here.offer([Record(here, 0, now_ms - age_ms, b"x")])
        return len(here.take(clock.now_ms(), 10))

    assert taken(delay_ms=20_000, age_ms=0) == 0, "not due yet"
    assert taken(delay_ms=20_000, age_ms=40_000) == 1, "due"
    assert taken(delay_ms=0, age_ms=0) == 1
    assert taken(delay_ms=0, age_ms=-3_600_000) == 1, "a broker an hour ahead stamped it"


@pytest.mark.parametrize("off_s", OFF_S.values(), ids=OFF_S.keys())
async def test_the_lateness_of_a_lane_follows_the_brokers_clock(off_s: float) -> None:
    clock = BrokerClock()
    clock.observe(int((time.time() - off_s) * 1_000))
    loop = asyncio.get_running_loop()
    lane = LoopBridge("events", Processor(), PauseGate(), loop, clock)
    place = CommittedOffset(0, "")
    here = Assignment(Partition("t", 0), 0, place, 0, lambda _: None)
    lane.receive([Record(here, 0, clock.now_ms() - 500, b"x")])
    assert 0.5 <= lane.late_s < CLOSE_MS / 1_000


@pytest.mark.broker
async def test_the_brokers_are_asked_for_their_time_before_anything_else(
    topics: KafkaSettings, caplog: pytest.LogCaptureFixture
) -> None:
    clock = BrokerClock(wall=lambda: time.time() - 3_600)
    with Producer(topics) as producer:
        await asyncio.wait_for(learn_time(producer, topics.names.dlq_deliveries, clock), 30)
    assert abs(clock.now_ms() - time.time() * 1_000) < CLOSE_MS
    assert abs((clock.skew_ms or 0) - 3_600_000) < CLOSE_MS
    assert [each.message for each in caplog.records if each.name.endswith("clock")] == [
        "clock.skewed"
    ]


def test_a_record_that_was_read_raises_the_clock_and_an_old_one_does_not_lower_it() -> None:
    now_s = [1_000.0]
    clock = BrokerClock(lambda: now_s[0], lambda: 0.0)
    clock.observe(5_000_000)
    clock.observe_read(5_060_000)
    assert clock.now_ms() == 5_060_000
    now_s[0] += 100
    clock.observe_read(5_000_000)
    assert clock.now_ms() == 5_160_000
