"""Repetitions are noticed among many records, in little memory."""

from __future__ import annotations

import tracemalloc
from itertools import count
from typing import Any

from plaudit.deliver.model.attempted import Attempted
from plaudit.deliver.model.decision import Diverted, Reason
from plaudit.deliver.model.delivery import DeliveryHeaders, History, Origin
from plaudit.deliver.pipeline.deduplication import SeenSteps
from plaudit.deliver.settle.headers import next_history
from plaudit.kafka.read.consumer import Partition
from plaudit.records.delays import Delay
from plaudit.records.names import Trigger
from plaudit.transport.errors import ConnectFailed

FEW_SECONDS = Delay.parse("5s")
TIER = Partition("deliveries.5s", 3)
ORIGIN = Origin("testimonials", 0, 7, 0)


def step(number: int, **changed: Any) -> DeliveryHeaders:
    history = History(Trigger.RETRY, 1, 0, 0, 1_764_000_000_000 + number)
    return DeliveryHeaders("an endpoint", "a workspace", history._replace(**changed), ORIGIN)


def test_a_step_that_came_before_is_noticed_while_it_is_remembered() -> None:
    doubles, offsets = SeenSteps(100), count()
    for number in range(100):
        assert not doubles.repeats(TIER, next(offsets), "an event", step(number))
    assert all(doubles.repeats(TIER, next(offsets), "an event", step(n)) for n in range(100))
    assert not doubles.repeats(TIER, next(offsets), "an event", step(100))
    assert not doubles.repeats(TIER, next(offsets), "an event", step(0)), "forgotten by now"
    assert doubles.repeats(TIER, next(offsets), "an event", step(2))


def test_another_step_event_or_partition_is_not_a_double() -> None:
    doubles = SeenSteps()
    assert not doubles.repeats(TIER, 0, "an event", step(0))
    assert not doubles.repeats(TIER, 0, "an event", step(0)), "the same record, read again"
    for changed in ({"attempts": 2}, {"diversions": 1}, {"redrives": 1}, {"enqueued_at_ms": 1}):
        assert not doubles.repeats(TIER, 1, "an event", step(0, **changed))
    assert not doubles.repeats(TIER, 1, "another event", step(0))
    assert not doubles.repeats(Partition(TIER.topic, 4), 1, "an event", step(0))
    assert doubles.repeats(TIER, 1, "an event", step(0))


def test_each_refusal_of_a_delivery_is_a_new_step() -> None:
    """A 429 with `Retry-After` diverts it without counting the attempt; a double is dropped."""
    doubles = SeenSteps()
    history = step(0).history
    refused = Attempted(ConnectFailed(), 1_764_000_000_000)
    for offset in range(5):
        decision = Diverted(FEW_SECONDS, Reason.THROTTLED, send_at_ms=1_764_000_002_000)
        history = next_history(history, decision, refused)
        given = step(0, attempts=history.attempts, diversions=history.diversions)
        assert not doubles.repeats(TIER, offset, "an event", given), f"refusal {offset + 1}"
    assert history.attempts == step(0).history.attempts


def test_a_remembered_endpoint_uses_a_few_hundred_bytes_and_a_forgotten_one_none() -> None:
    most = 2_000
    doubles = SeenSteps(most)
    steps = [step(number) for number in range(most * 3)]
    tracemalloc.start()
    try:
        for number, each in enumerate(steps, 1_000_000):
            doubles.repeats(TIER, number, "an event", each)
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert taken / most < 250
