"""The gate: never early, always in order, and nothing is lost when the lane is full."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from plaudit.deliver.offsets.buffer import IntakeLimits, PartitionBuffer


@dataclass(frozen=True)
class Held:
    """A record as the intake sees it."""

    offset: int
    due_ms: int
    size: int = 1


@given(
    gaps=st.lists(st.integers(0, 50), min_size=1, max_size=60),
    ticks=st.lists(st.integers(0, 40), min_size=1, max_size=200),
)
def test_records_come_out_in_order_and_never_before_they_are_due(
    gaps: list[int], ticks: list[int]
) -> None:
    limits = IntakeLimits(records=8, bytes=1_000)
    intake: PartitionBuffer[Held] = PartitionBuffer(limits)
    due, log = 0, []
    for offset, gap in enumerate(gaps):
        due += gap
        log.append(Held(offset, due))
    now, read_to, out = 0, 0, []
    for tick in [*ticks, due + 1]:
        now += tick
        while read_to < len(log) and intake.offer(log[read_to]):
            read_to += 1
        while (record := intake.take(now)) is not None:
            assert record.due_ms <= now
            out.append(record.offset)
            while read_to < len(log) and intake.offer(log[read_to]):
                read_to += 1
        assert len(intake) <= limits.records
    assert out == list(range(len(log))), "at the end, everything has come out once, in order"


def test_a_single_record_over_the_byte_limit_is_accepted() -> None:
    intake: PartitionBuffer[Held] = PartitionBuffer(IntakeLimits(records=8, bytes=10))
    assert intake.offer(Held(0, 0, size=1_000))
    assert not intake.offer(Held(1, 0))
    assert intake.full
    assert intake.take(0) is not None
    assert intake.low
