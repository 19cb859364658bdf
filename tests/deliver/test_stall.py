"""While the brokers acknowledge nothing, nothing is begun: it could not be written down."""

from __future__ import annotations

import asyncio
import time
from typing import Any, cast

from deliver.brokers import Brokers
from deliver.world import assignment
from plaudit.deliver.offsets.assignment import Record
from plaudit.deliver.offsets.bridge import SLICE_S, LoopBridge
from plaudit.deliver.offsets.lane_sink import LaneCallbacks, LaneSink
from plaudit.deliver.offsets.pause_gate import PauseGate
from plaudit.deliver.settle.settler import Settler
from plaudit.kafka.broker_clock import BrokerClock
from plaudit.kafka.write.producer import Producer
from plaudit.records.names import Names


class Time:
    """Seconds that pass when the test says so."""

    now_s = 100.0

    def monotonic(self) -> float:
        return self.now_s


class Processor:
    """Notes the records that are processed, by offset.

    Args:
        takes_s: what each takes.
    """

    def __init__(self, takes_s: float = 0.0) -> None:
        self.order: list[int | str] = []
        self.resumed = 0
        self._takes_s = takes_s

    def process(self, record: Record) -> None:
        if self._takes_s:
            time.sleep(self._takes_s)
        self.order.append(record.offset)

    def give_up(self, record: Record, error: Exception) -> None:
        del record
        raise error

    def resume(self) -> None:
        self.resumed += 1


def dead_letter(settler: Settler) -> None:
    """Settle a record in the one way that needs nothing else."""
    settler.dead_letter(Record(assignment(), 0, 0, b"x"), "undecodable", "")


def test_it_stalls_after_a_second_without_a_settlement_while_something_waits() -> None:
    brokers, clock = Brokers(), Time()
    settler = Settler(cast("Producer", brokers), Names(""), "w", BrokerClock(), clock.monotonic)

    def later(seconds: float) -> bool:
        clock.now_s += seconds
        settler.repeat_failed()
        return settler.stalled

    assert not later(60), "nothing waits"
    dead_letter(settler)
    dead_letter(settler)
    assert not later(1)
    assert later(0.1)
    brokers.acknowledge()
    assert not later(0), "one of two was settled"
    assert later(1.1)
    assert not later(9), "it may be one partition only: others are tried"
    assert later(1)
    brokers.refuse()
    assert not later(0), "who refuses is there"
    assert later(1.1)
    brokers.acknowledge()
    assert not later(60)


async def test_time_without_writes_does_not_count_as_a_stall() -> None:
    clock = Time()
    settler = Settler(cast("Producer", Brokers()), Names(""), "w", BrokerClock(), clock.monotonic)
    running = asyncio.create_task(settler.run())
    await asyncio.sleep(0)
    clock.now_s += 65
    dead_letter(settler)
    assert not settler.stalled, "the settler has not looked at the write"
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert not settler.stalled, "the write has waited for no time"
    clock.now_s += 1.1
    assert settler.stalled
    running.cancel()


async def test_records_that_arrive_during_a_pause_are_processed_afterwards_in_order() -> None:
    hold, pipeline = PauseGate(), Processor()
    begun = pipeline.order
    nothing: Any = lambda *_: None  # noqa: E731 - callbacks of different shapes
    loop = asyncio.get_running_loop()
    lane = LoopBridge("events", pipeline, hold, loop, BrokerClock())
    callbacks = LaneCallbacks(lane, hold, lambda: True, nothing, nothing, nothing, nothing)
    entrance = LaneSink(callbacks, loop)
    here = assignment()
    lane.stall(stalled=True)
    entrance.hand_over([Record(here, offset, 0, b"x") for offset in range(2)])
    await asyncio.sleep(0)
    assert not begun
    entrance.pause(())
    lane.stall(stalled=False)
    assert not begun, "a rebalance holds it up as well"
    entrance.resume()
    for _ in range(3):  # the loop may serve others between the two
        await asyncio.sleep(0)
    assert begun == [0, 1]
    assert pipeline.resumed == 1


async def test_the_loop_serves_others_between_records_that_take_long() -> None:
    """A batch of events that dozens of endpoints want each would stop everything for a second."""
    nothing: Any = None
    loop, hold, pipeline = asyncio.get_running_loop(), PauseGate(), Processor(takes_s=SLICE_S)
    order = pipeline.order
    lane = LoopBridge("events", pipeline, hold, loop, BrokerClock())
    entrance = LaneSink(
        LaneCallbacks(lane, hold, lambda: True, nothing, nothing, nothing, nothing), loop
    )
    partition = assignment()
    entrance.hand_over([Record(partition, offset, 0, b"") for offset in range(3)])
    for _ in range(3):
        await asyncio.sleep(0)
        order.append("others")
    assert [each for each in order if each != "others"] == [0, 1, 2]
    assert order != sorted(order, key=str), "others came in between"
    assert entrance.has_room()
