"""A partition whose records are mostly no events is stopped, not emptied into the dead letters."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plaudit.deliver.flood import FEW, WINDOW_S, FloodGuard, Minute
from plaudit.deliver.lane import MustWait
from plaudit.deliver.offsets.partition import Assignment
from plaudit.kafka.consumer import Partition, Place


def partition(number: int = 0) -> Assignment:
    return Assignment(Partition("events", number), 0, Place(None, ""), 0, lambda _: None)


class Clock:
    """Monotonic seconds that a test moves."""

    now = 1_000.0

    def __call__(self) -> float:
        return self.now


def bury(guard: FloodGuard, assignment: Assignment, times: int) -> None:
    for _ in range(times):
        guard.bury(assignment, "unknown_format")


def test_a_flooded_partition_stands_still_and_the_others_go_on() -> None:
    clock = Clock()
    guard, flooded, well = FloodGuard(0.5, clock), partition(0), partition(1)
    bury(guard, flooded, FEW)
    with pytest.raises(MustWait, match=r"100 of its last 101 records .* unknown_format"):
        bury(guard, flooded, 1)
    clock.now += 2 * WINDOW_S
    with pytest.raises(MustWait):
        bury(guard, flooded, 1)
    bury(guard, well, 1)
    assert guard.stopped == 1


def test_a_partition_with_mostly_events_is_never_stopped() -> None:
    guard, assignment = FloodGuard(0.5, Clock()), partition()
    for _ in range(10 * FEW):
        guard.took(assignment)
        bury(guard, assignment, 1)
    assert guard.stopped == 0


def test_a_share_of_one_lets_everything_be_buried() -> None:
    bury(FloodGuard(1.0, Clock()), partition(), 10 * FEW)


def test_a_partition_that_was_given_up_is_not_counted_as_stopped() -> None:
    guard, assignment = FloodGuard(0.5, Clock()), partition()
    with pytest.raises(MustWait):
        bury(guard, assignment, FEW + 1)
    assignment.active = False
    assert guard.stopped == 0


@given(st.lists(st.tuples(st.booleans(), st.floats(0, 5)), max_size=600), st.floats(0.01, 1))
def test_in_a_minute_never_more_than_the_share_is_buried_beyond_a_few(
    records: list[tuple[bool, float]], share: float
) -> None:
    minute, now = Minute(0.0), 0.0
    for bad, later in records:
        now += later / 50
        if not bad:
            minute.take(now)
            continue
        minute.bury(now, share)
        assert minute.buried <= max(FEW, share * minute.taken)
