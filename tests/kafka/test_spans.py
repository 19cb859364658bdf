"""Lists of partitions that stay short in the log."""

from __future__ import annotations

import pytest

from plaudit.kafka.types import Partition, in_spans


@pytest.mark.parametrize(
    ("numbers", "text"),
    [([0], "a[0]"), ([2, 0, 1], "a[0-2]"), ([0, 2, 3, 7], "a[0,2-3,7]")],
)
def test_runs_of_partitions_are_ranges(numbers: list[int], text: str) -> None:
    assert in_spans(Partition("a", number) for number in numbers) == [text]


def test_each_topic_is_named_once() -> None:
    found = in_spans(Partition(topic, number) for number in range(12) for topic in ("b", "a"))
    assert found == ["a[0-11]", "b[0-11]"]


def test_no_partitions_give_no_spans() -> None:
    assert in_spans([]) == []
