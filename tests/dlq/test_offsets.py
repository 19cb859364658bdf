"""The memory of a scan: exactly the letters that no later record of their key took away."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from plaudit.dlq.letters.offset_index import OffsetIndex, Survivors
from plaudit.dlq.letters.reader import rounds
from plaudit.kafka.read.consumer import Partition

RECORDS = st.lists(
    st.tuples(
        st.integers(0, 2),  # partition
        st.sampled_from([b"a", b"b", b"c", b"d"]),
        st.booleans(),  # a tombstone
        st.integers(1, 3),  # distance to the record before: compaction leaves gaps
    ),
    max_size=60,
)
Log = list[tuple[int, bytes, bool, int]]


def placed(log: Log) -> list[tuple[int, int, bytes, bool]]:
    """Return partition, offset, key and tombstone of each record."""
    ends = {0: 0, 1: 0, 2: 0}
    found = []
    for partition, key, tombstone, distance in log:
        ends[partition] += distance
        found.append((partition, ends[partition], key, tombstone))
    return found


@given(RECORDS)
def test_the_last_letter_of_each_key_without_a_later_tombstone_survives(
    log: Log,
) -> None:
    survivors, index = Survivors(), OffsetIndex()
    records = placed(log)
    for partition, offset, key, tombstone in records:
        survivors.add(partition, offset, key, tombstone=tombstone)
    survivors.move_to(index)
    expected = {
        (partition, offset)
        for partition, offset, key, tombstone in records
        if not tombstone
        and not any(p == partition and k == key and o > offset for p, o, k, _ in records)
    }
    assert set(index) == expected
    assert len(index) == len(expected)


@given(RECORDS, st.sets(st.integers(0, 200)))
def test_a_walk_finds_exactly_the_indexed_offsets_that_remain(log: Log, gone: set[int]) -> None:
    index = OffsetIndex()
    records = placed(log)
    wanted = {(p, o) for p, o, _, tombstone in records if not tombstone}
    for partition, offset in sorted(wanted):
        index.add(partition, offset)
    walk = index.walk()
    taken = {(p, o) for p, o, _, _ in records if o not in gone and walk.takes(p, o)}
    assert taken == {(p, o) for p, o in wanted if o not in gone}
    for partition, (start, end) in index.spans.items():
        offsets = [o for p, o in wanted if p == partition]
        assert (start, end) == (min(offsets), max(offsets) + 1)


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(1, 50))), st.integers(1, 100))
def test_rounds_hold_every_partition_once_and_no_more_than_fits(
    logs: list[tuple[int, int]], most: int
) -> None:
    spans = {Partition("t", number): (low, low + size) for number, (low, size) in enumerate(logs)}
    found = list(rounds(spans, most))
    assert [each for group in found for each in group.items()] == list(spans.items())
    for group in found:
        assert len(group) == 1 or sum(end - start for start, end in group.values()) <= most
