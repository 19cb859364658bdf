"""Figures and the arithmetic behind them: percentiles, medians, ratios of pairs. Pure."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final, NamedTuple

TIMES: Final = "\N{MULTIPLICATION SIGN}"
"""The unit of ratios."""


class Measured(NamedTuple):
    """A value, and the reason why it is void; empty if it is valid."""

    value: float
    void: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Sample:
    """The figures of one repetition.

    Attributes:
        values: by metric, such as `rate` or `cpu_us`.
        void: reason why all are void; empty if they are valid.
    """

    values: Mapping[str, float]
    void: tuple[str, ...] = ()

    def of(self, metric: str) -> Measured:
        """Return one metric."""
        return Measured(self.values[metric], self.void)


@dataclass(frozen=True, slots=True)
class Figure:
    """A line of the result, with the median of the repetitions.

    Attributes:
        key: for machines and targets, unique in its scenario.
        title: for people.
        unit: `µs`, `/s`, `ms`, `s`, `MiB`, `TIMES` or empty for a count.
        samples: in the order in which they were taken.
        chart: the chart that it is a bar of; empty: none.
        bar: how the bar is labeled.
    """

    key: str
    title: str
    unit: str
    samples: tuple[Measured, ...]
    chart: str = ""
    bar: str = ""

    @property
    def void(self) -> tuple[str, ...]:
        """Reason why the figure is void, as most of its repetitions are; empty if it is valid."""
        bad = [sample for sample in self.samples if sample.void]
        if len(bad) * 2 <= len(self.samples):
            return ()
        return tuple(dict.fromkeys(reason for sample in bad for reason in sample.void))

    @property
    def counted(self) -> list[float]:
        """Valid values; all values if the figure is void."""
        good = [sample.value for sample in self.samples if not sample.void]
        return good if good and not self.void else [sample.value for sample in self.samples]

    @property
    def median(self) -> float:
        """Median of the values that count."""
        return statistics.median(self.counted)

    @property
    def spread(self) -> tuple[float, float]:
        """Minimum and maximum of the values that count."""
        return min(self.counted), max(self.counted)


@dataclass(frozen=True, slots=True)
class Finding:
    """The figures of one scenario.

    Attributes:
        figures: in the order in which they are shown.
        notes: remarks for the reader.
        raw: raw samples by name.
    """

    figures: tuple[Figure, ...]
    notes: tuple[str, ...] = ()
    raw: Mapping[str, Sequence[float]] = field(default_factory=dict)


def figure(
    key: str,
    title: str,
    unit: str,
    samples: Sequence[Sample],
    metric: str,
    chart: str = "",
    bar: str = "",
) -> Figure:
    """Return one metric of some repetitions; in a chart its title labels the bar, unless given."""
    measured = tuple(each.of(metric) for each in samples)
    return Figure(key, title, unit, measured, chart, bar or title)


def ratio(
    key: str, title: str, ours: Sequence[Sample], theirs: Sequence[Sample], metric: str
) -> Figure:
    """Return ours against theirs, repetition by repetition.

    The two of a pair ran one right after the other: what the machine did meanwhile cancels, which a
    ratio of medians would not give.
    """
    pairs = tuple(
        _pair(one.of(metric), other.of(metric)) for one, other in zip(ours, theirs, strict=True)
    )
    return Figure(key, title, TIMES, pairs)


def _pair(one: Measured, other: Measured) -> Measured:
    void = (*one.void, *other.void)
    if not other.value:
        return Measured(0.0, (*void, "there was nothing to compare with"))
    return Measured(one.value / other.value, void)


def percentile(ordered: Sequence[float], share: float) -> float:
    """Return the nearest-rank percentile, which is always one of the values.

    Args:
        ordered: ascending, not empty.
        share: 0 to 1.
    """
    rank = max(1, math.ceil(share * len(ordered)))
    return ordered[rank - 1]


def most_within(times: Sequence[float], width: float) -> int:
    """Return the maximum number of times within any half-open window of this width.

    Args:
        times: ascending.
        width: in the same unit.
    """
    most = first = 0
    for last, at in enumerate(times):
        while at - times[first] >= width:
            first += 1
        most = max(most, last - first + 1)
    return most


def longest_pause(times: Sequence[float]) -> float:
    """Return the longest gap between adjacent times; 0 for fewer than two."""
    return max((after - before for before, after in pairwise(times)), default=0.0)


def most_diversions(tiers_s: Sequence[float], seconds: float) -> int:
    """Return how often a record can be diverted within a time.

    The first diversion goes to `now`, the nth in a row to the nth tier, and the longest tier is
    used again and again.

    Args:
        tiers_s: delays, ascending, without `now`.
        seconds: how long the endpoint takes nothing.
    """
    count, waited = 0, 0.0
    delays = [0.0, *tiers_s]
    while waited <= seconds:
        waited += delays[min(count, len(delays) - 1)]
        count += 1
    return count
