"""Time-outs in coarse steps: never early, one timer of the loop for all."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plaudit.transport.engine.deadlines import NEVER_S, Deadlines, Timers


async def test_nothing_is_due_early_and_all_is_due_once() -> None:
    timers, late = Timers(), asyncio.Event()
    came: dict[str, float] = {}
    due: list[tuple[str, float]] = []

    def note(item: str) -> None:
        due.append((item, time.monotonic() - came[item]))
        if len(due) == 6:
            late.set()

    short, long = Deadlines(timers, 0.05, note), Deadlines(timers, 0.15, note)
    for number in range(3):
        for name, kind in (("long", long), ("short", short)):
            item = f"{name} {number}"
            came[item] = time.monotonic()
            kind.add(item, came[item])
        await asyncio.sleep(0.01)
    await late.wait()
    assert sorted(item for item, _ in due) == sorted(came)
    for item, waited_s in due:
        assert waited_s >= (0.15 if item.startswith("long") else 0.05)
    timers.close()


async def test_a_shorter_time_out_is_not_kept_waiting_by_a_longer_one() -> None:
    timers, late = Timers(), asyncio.Event()
    idle = Deadlines[str](timers, 3_600.0, lambda _: None)
    quick = Deadlines[str](timers, 0.05, lambda _: late.set())
    idle.add("connection", time.monotonic())
    quick.add("exchange", time.monotonic())
    await asyncio.wait_for(late.wait(), 5)
    timers.close()


async def test_a_due_timer_may_discard_other_due_timers() -> None:
    timers, due = Timers(), []

    def fall(item: int) -> None:
        due.append(item)
        kind.discard(item + 1)

    kind = Deadlines(timers, 1.0, fall)
    for item in range(4):
        kind.add(item, 0.0)
    kind.expire(2.0)
    assert due == [0, 2]
    assert len(kind) == 0
    assert kind.first_due_s() == NEVER_S
    timers.close()


@pytest.fixture(scope="module")
def timers() -> Iterator[Timers]:
    """Timers whose loop stands still."""

    async def make() -> Timers:
        return Timers()

    with asyncio.Runner() as runner:
        made = runner.run(make())
        yield made
        made.close()


@settings(deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 5), st.floats(0, 2)), max_size=40))
def test_timers_are_due_after_their_delay_unless_discarded(
    timers: Timers, steps: list[tuple[bool, int, float]]
) -> None:
    due, model, now_s = set[int](), dict[int, float](), 0.0
    kind = Deadlines(timers, 3.0, due.add)
    for adds, item, passed_s in steps:
        now_s += passed_s
        kind.discard(item)
        model.pop(item, None)
        if adds:
            kind.add(item, now_s)
            model[item] = now_s
    now_s += 1.5
    kind.expire(now_s)
    assert due == {item for item, came_s in model.items() if came_s <= now_s - 3.0}
    assert len(kind) == len(model) - len(due)
    if len(kind):
        assert model[next(iter(kind))] == min(model[item] for item in model.keys() - due)
