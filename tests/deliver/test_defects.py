"""Whatever raises between poll and commit: that delivery is settled, and all others are delivered.

Every function on the way is let raise, one after the other: once, amid others' deliveries, and then
whenever it is called for one certain event.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

import pytest

from deliver.faults import Faults, functions
from deliver.whole import ENDPOINTS, Side, Whole, event, event_id, to
from plaudit.deliver.model.decision import Reason
from plaudit.deliver.model.defects import Stage
from plaudit.records.names import Header

Raises = Callable[[str, int, tuple[Any, ...]], bool]

FEW: Final = 8
"""Events in the events lane; each is for six endpoints, and as many records are in the other.
As many functions raise in the same run, for different events."""
MANY: Final = 150
"""The same at night: 1,800 deliveries."""
REACHED: Final = 200
"""Functions on the way; fewer would say that they are not found any more."""
OF_EVERY_WRITE: Final = frozenset(
    f"deliver.{name}"
    for name in (
        "model.delivery:Origin.__init__",
        "model.delivery:origin_of",
        "settle.oversized:OversizedWrites.sends",
        "settle.records:Write.__init__",
        "settle.settler:Settler._open",
        "settle.settler:Settler._report",
        "settle.settler:Settler._send",
        "settle.tickets:OpenTickets.open",
        "settle.tickets:OpenTickets.count_down",
        "settle.tickets:OpenTickets.written",
        "settle.tickets:Ticket.__init__",
    )
)
"""Where these raise each time, nothing can be written: the record waits, and is shown."""
LEFT_TO_THE_WATCH: Final = frozenset(
    f"deliver.{name}"
    for name in (
        "model.attempted:Attempted.__init__",
        "offsets.bridge:LoopBridge.receive",
        "offsets.bridge:LoopBridge._is_next",
        "offsets.bridge:LoopBridge._note_arrival",
        "offsets.pulse:Pulse.turned",
        "pipeline.pipeline:Pipeline.conclude",
        "pipeline.pipeline:Pipeline.proceed",
        "pipeline.pipeline:Pipeline._release",
        "pipeline.pipeline:Pipeline._settle",
        "pipeline.settlement:settle",
        "settle.settler:Settler._report",
        "settle.tickets:OpenTickets.count_down",
        "settle.tickets:OpenTickets.written",
    )
)
"""Where these raise, the watch for stranded records processes the record again."""
RETRIES: Final = 100_000
"""Numbers of events in the deliveries lane begin here."""
MOST_DEFECTIVE: Final = 2 * len(ENDPOINTS)
"""Deliveries that one fault may touch: those of one event, and of its record processed again."""
DEEP: Final = 4


@pytest.fixture(autouse=True)
def _no_log() -> Iterator[None]:
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.fixture
def faults() -> Iterator[Faults]:
    """Return all functions on the way, each replaced by one that may raise."""
    made = Faults()
    for name, function in functions().items():
        made.replace(name, function)
    yield made
    made.restore()


async def deliver(faults: Faults, raises: Raises, count: int) -> Whole:
    """Let both lanes deliver while something raises."""
    whole = Whole()
    faults.calls.clear()
    faults.fired.clear()
    faults.raises = raises
    for number in range(count):
        whole.events.hand_over(event(number))
        for endpoint_id in ENDPOINTS:
            whole.deliveries.hand_over(event(RETRIES + number), to(endpoint_id, attempt=0))
    # The lanes receive what was handed over at the loop's next turn.
    faults.armed = True
    await whole.run_to_the_end()
    faults.armed = False
    return whole


def check(whole: Whole, faults: Faults, count: int, faulty: int) -> None:
    """Check that all that came is delivered, or is written down somewhere.

    Args:
        whole: what delivered.
        faults: what raised.
        count: events in each lane.
        faulty: how many functions raised.
    """
    whole.check_all_is_settled()
    letters = b"".join(each.value for each in whole.server.written if "dlq" in each.topic)
    moved = {
        (each.value, each.headers[Header.ENDPOINT_ID].decode())
        for each in whole.server.written
        if Header.ENDPOINT_ID in each.headers
    }
    for number in [*range(count), *range(RETRIES, RETRIES + count)]:
        if event_id(number).encode() in letters:
            continue
        for endpoint_id in ENDPOINTS:
            posted = whole.sender.posted[event_id(number), endpoint_id]
            assert posted or (event(number), endpoint_id) in moved, (number, endpoint_id)
    defective = [
        each
        for each in whole.server.written
        if each.headers.get(Header.REASON) == str(Reason.DEFECT).encode()
    ]
    assert len(defective) <= MOST_DEFECTIVE * faulty
    counts = whole.settler.defects.counts
    assert sum(counts.values()) or letters or not faults.fired
    if not counts[Stage.LOST]:
        check_counters(whole, faults)


def check_counters(whole: Whole, faults: Faults) -> None:
    """Check that slots are free, and that the counts of attempts and settled deliveries agree."""
    for side in (whole.events, whole.deliveries):
        [assignment] = side.holdings.held.values()
        assert assignment.under_way == 0
        states = side.pipeline.admission.queues.states.values()
        assert not [each for each in states if each.flights], "a slot is taken for ever"
    posted = sum(whole.sender.posted.values())
    attempts = sum(sum(side.pipeline.lane.counters.attempts.values()) for side in whole.sides)
    assert abs(attempts - posted) <= len(faults.fired) * MOST_DEFECTIVE


def mentions(value: Any, mark: bytes, deep: int) -> bool:
    """Return whether an event is in what a function is given."""
    if isinstance(value, bytes):
        return mark in value
    if isinstance(value, str):
        return mark.decode() in value
    if not deep or value is None or isinstance(value, int | float | Side | Whole):
        return False
    if isinstance(value, tuple | list):
        return any(mentions(each, mark, deep - 1) for each in value[:8])
    parts = ("record", "value", "delivery", "event", "event_id", "message_id", "headers")
    return any(mentions(getattr(value, part, None), mark, deep - 1) for part in parts)


def reached(faults: Faults, count: int) -> dict[str, int]:
    """Return how often each function is called when nothing raises."""
    check(asyncio.run(deliver(faults, lambda *_: False, count)), faults, count, 0)
    return dict(faults.calls)


def once(times: dict[str, int]) -> Raises:
    """Return what lets each of some functions raise at one call amid the others."""
    return lambda called, n, _: called in times and n == times[called] // 2 + 1


def always(victims: dict[str, int]) -> Raises:
    """Return what lets functions raise whenever they are called for an event of their own."""
    marks = {name: event_id(number).encode() for name, number in victims.items()}
    return lambda called, _, args: called in marks and mentions(args, marks[called], DEEP)


def ways_of(names: Sequence[str], calls: dict[str, int]) -> Iterator[Raises]:
    """Return the ways in which some functions are let raise, each for events of its own."""
    yield once({name: calls[name] for name in names})
    for first in (0, RETRIES):
        writable = [name for name in names if name not in OF_EVERY_WRITE]
        yield always({name: number for number, name in enumerate(writable, first)})


def let_raise(faults: Faults, calls: dict[str, int], names: Sequence[str], count: int) -> None:
    """Let some functions raise in the same run; should that be too much, each in its own."""
    try:
        for raises in ways_of(names, calls):
            whole = asyncio.run(deliver(faults, raises, count))
            check(whole, faults, count, len(names))
            lost = whole.settler.defects.counts[Stage.LOST]
            # Amid thousands, more of them wait in queues, where the watch finds them first.
            strict = count == FEW and not LEFT_TO_THE_WATCH.intersection(names)
            assert not (lost and strict), "found by the watch alone"
    except AssertionError as error:
        if len(names) == 1:
            msg = f"{names[0]}: {error}"
            raise AssertionError(msg) from error
        for name in names:
            let_raise(faults, calls, [name], count)


@pytest.mark.tree
def test_whatever_raises_that_delivery_is_settled_and_all_others_are_delivered(
    faults: Faults,
) -> None:
    calls = reached(faults, FEW)
    assert len(calls) > REACHED
    assert calls.keys() >= OF_EVERY_WRITE
    watched = [name for name in calls if name in LEFT_TO_THE_WATCH]
    others = [name for name in calls if name not in LEFT_TO_THE_WATCH]
    for names in (watched, others):
        for at in range(0, len(names), FEW):
            let_raise(faults, calls, names[at : at + FEW], FEW)


@pytest.mark.tree
@pytest.mark.nightly
@pytest.mark.timeout(1_200)
def test_whatever_raises_amid_thousands_of_deliveries_all_others_are_delivered(
    faults: Faults,
) -> None:
    calls = reached(faults, MANY)
    for name in calls:
        let_raise(faults, calls, [name], MANY)


@pytest.mark.tree
async def test_a_record_without_a_possible_write_is_held_and_shown(faults: Faults) -> None:
    """The last resort fails as well: nothing is committed past it, and others are delivered."""
    name = "deliver.settle.settler:Settler._open"
    whole = await deliver(faults, always({name: 1}), FEW)
    [assignment] = whole.events.holdings.held.values()
    assert whole.events.pending == 1
    assert assignment.place().offset == 1
    assert whole.settler.trouble is not None
    assert whole.deliveries.pending == 0
    faults.raises = lambda *_: False
    await whole.run_to_the_end()
    whole.check_all_is_settled()
