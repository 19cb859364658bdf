"""The lag of a partition: a parked retry is behind, but not due."""

from __future__ import annotations

from plaudit.deliver.offsets.assignment import Assignment, Record
from plaudit.deliver.offsets.assignments import Assignments
from plaudit.deliver.offsets.lag_watch import Lag, LagWatch, measured
from plaudit.kafka.read.consumer import CommittedOffset, Partition

TIER_MS = 60_000
PARTITION = Partition("deliveries.60s", 0)


def holding(*appended_ms: int, delay_ms: int = TIER_MS) -> tuple[Assignments, Assignment]:
    """Return a partition that has read records of these times."""
    holdings = Assignments({PARTITION.topic: delay_ms}, lambda _: None)
    holdings.assign({PARTITION: CommittedOffset(0, "")}, lambda _: 0)
    assignment = holdings.held[PARTITION]
    assignment.offer(Record(assignment, number, at, b"x") for number, at in enumerate(appended_ms))
    return holdings, assignment


def test_parked_retries_count_as_lag_but_not_as_due() -> None:
    _, assignment = holding(0, 1_000, 2_000)
    lag = measured(assignment, 2_997, 0, TIER_MS - 6_000)
    assert lag == Lag(3_000, 0, TIER_MS)
    assert lag.overdue_s(TIER_MS - 6_000) == 0


def test_unread_records_may_be_due_when_all_read_ones_are() -> None:
    _, assignment = holding(0, 1_000)
    assert measured(assignment, 10, 0, TIER_MS + 500).due == 1
    assert measured(assignment, 10, 0, TIER_MS + 1_000).due == 12


def test_a_record_in_hand_is_due_until_it_is_done() -> None:
    holdings, assignment = holding(0, 1_000)
    now_ms = TIER_MS + 5_000
    taken = assignment.take(now_ms, 1)
    holdings.handed_over(taken)
    lag = measured(assignment, 0, 0, now_ms)
    assert (lag, lag.overdue_s(now_ms)) == (Lag(2, 2, TIER_MS), 5.0)
    holdings.settled(taken[0])
    assert measured(assignment, 0, 0, now_ms) == Lag(1, 1, TIER_MS + 1_000)


def test_events_are_due_whatever_a_clock_says() -> None:
    _, assignment = holding(5_000, 6_000, delay_ms=0)
    assert measured(assignment, 4, 0, 1_000) == Lag(6, 6, 5_000)


def test_an_unread_partition_is_overdue_since_its_first_observation() -> None:
    seconds = [0.0]
    _, assignment = holding(delay_ms=0)
    watch = LagWatch(lambda _: 7, lambda: seconds[0])
    watch.measure([assignment], 10_000)
    seconds[0] = 0.5
    watch.measure([assignment], 10_500)
    assert watch.due(14_000) == (7, 4.0)
    seconds[0] = 2.0
    watch.measure([assignment], 12_000)
    assert watch.due(14_000) == (7, 4.0), "it still stands at the same place"
    watch.measure([], 12_000)
    assert watch.due(14_000) == (7, 4.0), "at most once a second"


def test_a_lane_at_rest_is_measured_less_often_until_it_reads_a_record() -> None:
    seconds, asked = [0.0], []
    _, assignment = holding(delay_ms=0)

    def end_of(partition: Partition) -> int:
        asked.append(partition)
        return 0

    watch = LagWatch(end_of, lambda: seconds[0])
    for second in range(5):
        seconds[0] = float(second)
        watch.measure([assignment], 0)
    assert len(asked) == 1
    watch.moved()
    watch.measure([assignment], 0)
    assert len(asked) == 2


def test_a_lane_at_rest_is_measured_at_once_with_other_partitions() -> None:
    seconds = [0.0]
    _, assignment = holding(delay_ms=0)
    watch = LagWatch(lambda _: 0, lambda: seconds[0])
    watch.measure([assignment], 0)
    seconds[0] = 1.0
    watch.measure([], 0)
    assert not watch.lags
