"""A part that raises: the delivery is retried with the reason `defect`, in both forms.

Where code is compiled, its functions can't be replaced; what is passed in can.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any, cast

import pytest
import structlog

from deliver.brokers import OnAck
from deliver.whole import ENDPOINTS, NAMES, OK, TIERS, Server, Whole, event, event_id, to
from plaudit.deliver.isolation.answers import answers
from plaudit.deliver.model.decision import Dead, Reason, Retry, RetryPlan, decide
from plaudit.deliver.model.defects import Stage, defect_of
from plaudit.deliver.model.delivery import History
from plaudit.deliver.settle.settler import MOST_RAISED
from plaudit.formats.catalogue import SHAPES
from plaudit.formats.shape import Rendered, Shape
from plaudit.kafka.broker_clock import BrokerClock
from plaudit.records.names import Header, Trigger
from plaudit.transport.answer import Answer
from transport.altered import altered

PLAN = RetryPlan(TIERS, TIERS)
OTHERS = 20
ENDPOINT_ID = next(iter(ENDPOINTS))


@pytest.fixture(autouse=True)
def _no_log() -> Iterator[None]:
    logging.disable(logging.CRITICAL)
    with structlog.testing.capture_logs():
        yield
    logging.disable(logging.NOTSET)


class Broken(Exception):
    """The errors of hostile parts."""


async def deliver(whole: Whole, victim: int = 3) -> list[tuple[str, str]]:
    """Deliver events in both lanes; return where the defective ones went, and why."""
    for number in range(OTHERS):
        whole.events.hand_over(event(number))
        whole.deliveries.hand_over(event(1_000 + number), to(ENDPOINT_ID, attempt=1))
    await whole.run_to_the_end()
    whole.check_all_is_settled()
    for number in (*range(OTHERS), *range(1_000, 1_000 + OTHERS)):
        if number not in {victim, 1_000 + victim}:
            assert whole.sender.posted[event_id(number), ENDPOINT_ID] == 1
    return [
        (each.topic, each.headers[Header.REASON].decode())
        for each in whole.server.written
        if each.headers.get(Header.REASON) == b"defect"
    ]


def marks(number: int) -> tuple[str, ...]:
    """Return the ids of the events that are to fail."""
    return event_id(number), event_id(1_000 + number)


async def test_a_sender_that_raises_costs_its_delivery_an_attempt() -> None:
    whole = Whole()
    ids = tuple(each.encode() for each in marks(3))

    def answer(lines: bytes) -> Answer:
        if any(each in lines for each in ids):
            raise Broken
        return OK

    whole.sender.answers = answer
    found = await deliver(whole)
    assert ("deliveries.5s", "defect") in found
    assert ("deliveries.5m", "defect") in found, "the one of the deliveries lane is one further"
    assert whole.settler.defects.counts[Stage.ATTEMPT] == len(found)


def no_time() -> float:
    """Raise an exception in place of the time."""
    raise Broken


@pytest.mark.parametrize("status", [200, 500])
async def test_a_clock_that_raises_costs_no_delivery(status: int) -> None:
    whole = Whole(clock=BrokerClock(no_time, no_time))
    whole.sender.answers = lambda _: altered(OK, status=status)
    assert not await deliver(whole)
    assert not [each for each in whole.server.written if "dlq" in each.topic]
    assert whole.settler.defects.counts[Stage.SETTLE]


@pytest.mark.parametrize("part", ["render", "judge"])
async def test_a_format_that_raises_costs_its_delivery_an_attempt(
    part: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = Whole()
    seen = iter(range(1_000))

    def render(_: object, __: str) -> Rendered:
        if part == "render" and next(seen) == 5:
            raise Broken
        return Rendered(b"{}")

    def judge(_: int) -> None:
        if part == "judge" and next(seen) == 5:
            raise Broken

    shape = Shape("broken", b"application/json", render, judge)
    monkeypatch.setitem(cast("dict[str, Shape]", SHAPES), "broken", shape)
    whole.add(ENDPOINT_ID, version=2, format="broken")
    for number in range(OTHERS):
        whole.events.hand_over(event(number))
    await whole.run_to_the_end()
    whole.check_all_is_settled()
    [letter] = [each for each in whole.server.written if each.headers[Header.REASON] == b"defect"]
    assert letter.topic == "deliveries.5s"
    assert letter.headers[Header.ATTEMPT] == b"1"
    assert b"Broken" in letter.headers[Header.LAST_ERROR]


class Refusing(Server):
    """A producer that raises for some records, as it does for headers that can't be written.

    Attributes:
        refused: how many it has raised for.
    """

    refused = 0

    def send(
        self,
        topic: str,
        value: bytes,
        key: bytes,
        headers: list[tuple[str, bytes]] | None,
        *,
        on_ack: OnAck,
    ) -> None:
        if any(name == "odd" for name, _ in headers or ()):
            self.refused += 1
            raise UnicodeEncodeError("utf-8", "odd", 0, 1, "as the client does")
        super().send(topic, value, key, headers, on_ack=on_ack)


async def test_a_write_that_raises_is_reduced_in_the_end() -> None:
    whole = Whole(Refusing())
    headers = [*to(ENDPOINT_ID, attempt=1), ("odd", b"x")]
    whole.sender.answers = lambda _: altered(OK, status=500)
    whole.deliveries.hand_over(event(1), headers)
    await whole.run_to_the_end()
    whole.check_all_is_settled()
    [letter] = whole.server.written
    assert (letter.topic, letter.headers[Header.REASON]) == (NAMES.dlq_events, b"defect")
    assert letter.value == event(1)
    assert cast("Refusing", whole.server).refused == MOST_RAISED + 1


async def test_a_release_that_raises_is_repeated() -> None:
    whole = Whole()
    [assignment] = whole.events.holdings.held.values()
    release, left = assignment.release, iter(range(2))

    def broken(record: Any) -> None:
        if next(left, None) is not None:
            raise Broken
        release(record)

    assignment.release = broken
    await deliver(whole)


def test_a_defect_follows_the_schedule_and_is_a_dead_letter_in_the_end() -> None:
    outcome = defect_of(Broken())
    for attempts, tier in enumerate(TIERS):
        history = History(Trigger.EVENT, attempts, 0, 0, 0)
        assert decide(outcome, history, PLAN, TIERS, 0) == Retry(tier, Reason.DEFECT)
    end = decide(outcome, History(Trigger.EVENT, len(TIERS), 0, 0, 0), PLAN, TIERS, 0)
    assert isinstance(end, Dead)
    assert end.reason == Reason.DEFECT
    assert "Broken" in end.detail
    assert answers(outcome) is None, "it says nothing about the endpoint"
