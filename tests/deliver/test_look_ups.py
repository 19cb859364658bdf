"""A delivery whose name was not looked up in time: no attempt, and nothing against its endpoint."""

from __future__ import annotations

import asyncio
import time
from typing import Any, cast

from deliver.world import EVENT, assignment, endpoint
from plaudit.deliver.isolation.limits import AdmissionLimits
from plaudit.deliver.model.decision import Decision, Diverted, Plan, Reason
from plaudit.deliver.model.defects import Defects
from plaudit.deliver.model.delivery import Delivery, History, Record, origin_of
from plaudit.deliver.pipeline.pipeline import Pipeline, PipelineContext
from plaudit.deliver.settle.records import Attempted, next_history
from plaudit.records.delays import NOW, parse_delays
from plaudit.records.names import Trigger
from plaudit.transport.errors import LookUpsBusy

PLAN = Plan(parse_delays("5s,5m"), parse_delays("5s,5m"))
DELIVERIES = 30
"""Three times as many failures as open a circuit."""


class Busy:
    """Attempts that all end without a look-up."""

    def start(self, _: Any, __: Any, ___: Any, on_done: Any) -> None:
        asyncio.get_running_loop().call_soon(on_done, LookUpsBusy("hooks.example"))


class Settled:
    """Takes what was decided, as the settler and as the log."""

    def __init__(self) -> None:
        self.defects = Defects()
        self.all: list[tuple[Delivery, Decision, Attempted | None]] = []

    def settle(self, delivery: Delivery, decision: Decision, attempted: Attempted | None) -> None:
        self.all.append((delivery, decision, attempted))

    def now_ms(self) -> int:
        return int(time.time() * 1_000)

    def report(self, *_: Any) -> None:
        pass


async def test_a_name_that_was_not_looked_up_is_neither_an_attempt_nor_its_endpoints_fault() -> (
    None
):
    settled = Settled()
    tools = PipelineContext(
        cast("Any", Busy()), cast("Any", settled), cast("Any", settled), PLAN, AdmissionLimits()
    )
    deliverer = Pipeline(tools, serves_all=False)
    to, here = endpoint("a"), assignment()
    for offset in range(DELIVERIES):
        record = Record(here, offset, 0, b"{}")
        past = History(Trigger.EVENT, 0, 0, 0, 2**42)
        deliverer.deliver(Delivery(record, EVENT, b"{}", "a", to, origin_of(record), past), to)
        await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert not deliverer.admission.in_hand
    assert len(settled.all) == DELIVERIES
    for delivery, decision, attempted in settled.all:
        assert decision == Diverted(NOW, Reason.LOOK_UPS)
        assert attempted is None
        assert next_history(delivery.history, decision, attempted).attempts == 0
    assert here.begun == DELIVERIES
    assert not deliverer.tally.attempts
    assert not any(deliverer.defects.counts.values())
    assert not any(
        standing.open or standing.slow for standing in deliverer.admission.queues.standings
    )
