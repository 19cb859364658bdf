"""The arithmetic of benchmarks: medians, pairs, percentiles, windows."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.figures import (
    Figure,
    Measured,
    Sample,
    figure,
    longest_pause,
    most_diversions,
    most_within,
    percentile,
    ratio,
)

times = st.lists(st.floats(0, 100, allow_nan=False), max_size=60).map(sorted)


def samples(*values: float, void: tuple[str, ...] = ()) -> list[Sample]:
    return [Sample({"rate": value}, void) for value in values]


@given(st.lists(st.floats(-1e9, 1e9), min_size=1).map(sorted), st.floats(0, 1))
def test_a_percentile_is_a_sample_with_its_share_at_or_below_it(
    ordered: list[float], share: float
) -> None:
    found = percentile(ordered, share)
    assert found in ordered
    assert sum(value <= found for value in ordered) >= share * len(ordered) - 1e-9
    assert percentile(ordered, 1.0) == ordered[-1]


def test_the_99th_percentile_of_a_hundred_is_the_99th() -> None:
    assert percentile([float(value) for value in range(1, 101)], 0.99) == 99


@given(times, st.floats(0.1, 10))
def test_no_window_holds_more_than_the_fullest_one(points: list[float], width: float) -> None:
    fullest = max((sum(at <= other < at + width for other in points) for at in points), default=0)
    assert abs(most_within(points, width) - fullest) <= (1 if _on_an_edge(points, width) else 0)


def _on_an_edge(points: list[float], width: float) -> bool:
    """True when rounding decides if two points lie in one window."""
    return any(abs(abs(one - other) - width) < 1e-9 for one in points for other in points)


def test_a_window_is_half_open() -> None:
    assert most_within([0.0, 0.5, 1.0], 1.0) == 2


def test_the_longest_pause_is_between_neighbors() -> None:
    assert longest_pause([0.0, 1.0, 4.0, 4.5]) == 3.0
    assert longest_pause([7.0]) == 0.0


def test_records_of_a_dead_endpoint_are_diverted_to_now_and_then_to_ever_longer_tiers() -> None:
    tiers = [5, 30, 120, 300, 900, 1_800, 3_600, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400]
    assert most_diversions(tiers, 180) == 5  # at 0, 0, 5, 35 and 155 s
    assert most_diversions(tiers, 5 * 86_400) <= 16


def test_ratios_are_taken_pair_by_pair() -> None:
    drifting, with_it = samples(10, 20, 40), samples(1, 2, 4)
    assert ratio("r", "", drifting, with_it, "rate").spread == (10, 10)


def test_a_pair_counts_only_when_both_do() -> None:
    void = ("others used the core",)
    figure_of_two = ratio("r", "", samples(1), samples(1, void=void), "rate")
    assert figure_of_two.void == void


def test_a_pair_with_nothing_on_one_side_is_void() -> None:
    assert ratio("r", "", samples(1), samples(0), "rate").void


def test_one_void_repetition_of_three_is_left_out() -> None:
    measured = (Measured(10.0), Measured(12.0), Measured(99.0, ("noise",)))
    kept = Figure("rate", "", "/s", measured)
    assert kept.void == ()
    assert kept.median == 11
    assert kept.spread == (10, 12)


@pytest.mark.parametrize("good", [0, 1])
def test_a_figure_is_void_when_most_of_its_repetitions_are(good: int) -> None:
    taken = [*samples(*[1.0] * good), *samples(2.0, 2.0, void=("noise",))]
    made = figure("rate", "", "/s", taken, "rate")
    assert made.void == ("noise",)
    assert made.median == 2.0
