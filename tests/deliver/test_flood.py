"""A partition whose records are mostly no events is stopped, not emptied into the dead letters."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plaudit.deliver.isolation.dlq_limit import FEW, WINDOW_S, DlqLimiter, MinuteCounts
from plaudit.deliver.offsets.assignment import Assignment
from plaudit.deliver.offsets.blocked import RecordBlocked
from plaudit.kafka.read.consumer import CommittedOffset, Partition


def partition(number: int = 0) -> Assignment:
    return Assignment(Partition("events", number), 0, CommittedOffset(None, ""), 0, lambda _: None)


class Clock:
    """Monotonic seconds that a test moves."""

    now = 1_000.0

    def __call__(self) -> float:
        return self.now


def flood(guard: DlqLimiter, assignment: Assignment, times: int) -> None:
    for _ in range(times):
        guard.count_unreadable(assignment, "unknown_format")


def test_a_flooded_partition_is_paused_and_the_others_continue() -> None:
    clock = Clock()
    guard, flooded, is_untroubled = DlqLimiter(0.5, clock), partition(0), partition(1)
    flood(guard, flooded, FEW)
    with pytest.raises(RecordBlocked, match=r"100 of its last 101 records .* unknown_format"):
        flood(guard, flooded, 1)
    clock.now += WINDOW_S - 1
    with pytest.raises(RecordBlocked):
        flood(guard, flooded, 1)
    flood(guard, is_untroubled, 1)
    assert guard.stopped == 1


def test_a_pause_ends_by_itself_and_the_next_is_longer_after_more_records() -> None:
    clock = Clock()
    guard, flooded = DlqLimiter(0.5, clock), partition()
    gone, waited_s = [], []
    for _ in range(8):
        taken = 0
        try:
            while True:
                guard.count_unreadable(flooded, "unknown_format")
                taken += 1
        except RecordBlocked:
            gone.append(taken)
        began = clock.now
        while guard.stopped and clock.now < began + 3_600:
            clock.now += 1
            with suppress(RecordBlocked):
                guard.count_unreadable(flooded, "unknown_format")
                gone[-1] += 1
        waited_s.append(clock.now - began)
    assert waited_s[:5] == [60, 120, 240, 480, 480]
    assert sum(gone) > 1_000_000, "a million stray records hold nothing up for ever"
    assert sum(waited_s) < 3_600


def test_a_good_minute_ends_the_lengthening() -> None:
    clock = Clock()
    guard, flooded = DlqLimiter(0.5, clock), partition()
    for _ in range(2):
        with pytest.raises(RecordBlocked, match="60 s"):
            flood(guard, flooded, FEW + 1)
        clock.now += WINDOW_S
        guard.count_unreadable(flooded, "unknown_format")
        assert guard.stopped == 0
        for _ in range(3):
            clock.now += WINDOW_S
            guard.count_readable(flooded)


def test_an_operator_ends_a_pause_at_once() -> None:
    guard, flooded = DlqLimiter(0.5, Clock()), partition()
    with pytest.raises(RecordBlocked):
        flood(guard, flooded, FEW + 1)
    guard.resume(flooded)
    flood(guard, flooded, 1)
    assert guard.stopped == 0


def test_a_partition_with_mostly_events_is_never_stopped() -> None:
    guard, assignment = DlqLimiter(0.5, Clock()), partition()
    for _ in range(10 * FEW):
        guard.count_readable(assignment)
        flood(guard, assignment, 1)
    assert guard.stopped == 0


def test_a_share_of_one_dead_letters_everything() -> None:
    flood(DlqLimiter(1.0, Clock()), partition(), 10 * FEW)


def test_a_revoked_partition_is_not_counted_as_stopped() -> None:
    guard, assignment = DlqLimiter(0.5, Clock()), partition()
    with pytest.raises(RecordBlocked):
        flood(guard, assignment, FEW + 1)
    assignment.active = False
    assert guard.stopped == 0


@given(st.lists(st.tuples(st.booleans(), st.floats(0, 5)), max_size=600), st.floats(0.01, 1))
def test_in_a_minute_at_most_the_share_and_a_few_are_dead_lettered(
    records: list[tuple[bool, float]], share: float
) -> None:
    minute, now = MinuteCounts(0.0), 0.0
    for bad, later in records:
        now += later / 50
        if not bad:
            minute.take(now)
            continue
        minute.allows_unreadable(now, share)
        assert minute.unreadable <= max(FEW, share * minute.read)
