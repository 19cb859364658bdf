"""Charts with a common time axis, a series for each outcome, and a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson

from plaudit.console.views.words import DAY_MS, HOUR_MS
from plaudit.store.log.stats import Hour, Resolution, step_ms

_SERIES: Final = ("delivered", "failed", "dead", "p50_ms", "p95_ms", "success_rate")


@dataclass(frozen=True, slots=True)
class ChartRange:
    """Time range of charts.

    Attributes:
        length_ms: duration.
        resolution: resolution of the statistics.
        size: number of their periods in a step of the chart.
        step: duration of a step of the chart, for people.
    """

    length_ms: int
    resolution: Resolution
    size: int
    step: str


RANGES: Final[Mapping[str, ChartRange]] = {
    "1h": ChartRange(HOUR_MS, Resolution.MINUTE, 1, "minute"),
    "6h": ChartRange(6 * HOUR_MS, Resolution.MINUTE, 5, "5 minutes"),
    "24h": ChartRange(DAY_MS, Resolution.MINUTE, 15, "15 minutes"),
    "7d": ChartRange(7 * DAY_MS, Resolution.HOUR, 1, "hour"),
}
"""Ranges of the overview and of endpoints, with 60 to 168 steps that are a few pixels wide."""
FIRST_RANGE: Final = "24h"


@dataclass(frozen=True, slots=True)
class Chart:
    """Charts with a common time axis.

    Attributes:
        rows: rows of the table, one for each step.
        data: the same as JSON columns, for the script that draws.
        is_empty: whether the range has no attempts.
        step: duration of a step, for people.
    """

    rows: Sequence[dict[str, Any]]
    data: str
    is_empty: bool
    step: str


def range_of(asked: str | None) -> str:
    """Return the name of the requested range, or of the default."""
    return asked if asked is not None and asked in RANGES else FIRST_RANGE


def chart(steps: Sequence[Hour], span: ChartRange) -> Chart:
    """Return the charts of a time range.

    Args:
        steps: every hour or minute of the range.
        span: the range.
    """
    length_ms = step_ms(span.resolution) * span.size
    rows = [{**each.plain(), "at_ms": each.hour * length_ms} for each in _grouped(steps, span.size)]
    columns = {
        "at": [row["at_ms"] // 1_000 for row in rows],
        **{name: [row[name] for row in rows] for name in _SERIES},
        "step": length_ms // 1_000,
    }
    empty = not any(row["delivered"] or row["failed"] or row["dead"] for row in rows)
    return Chart(rows, orjson.dumps(columns).decode(), empty, span.step)


def _grouped(steps: Sequence[Hour], size: int) -> list[Hour]:
    """Return sums of adjacent steps; each begins at a multiple of its length."""
    if size == 1:
        return list(steps)
    sums: dict[int, Hour] = {}
    for each in steps:
        place = each.hour // size
        sums.setdefault(place, Hour(place)).add(each)
    return list(sums.values())
