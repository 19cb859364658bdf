"""Charts: one time axis, a series for each outcome, and the table behind them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from plaudit.store.log.stats import Hour


@dataclass(frozen=True, slots=True)
class Chart:
    """Charts of one time axis.

    Attributes:
        rows: one row for each step, for the table.
        data: the same as JSON, column by column, for the script that draws.
        is_empty: whether nothing was attempted.
    """

    rows: Sequence[dict[str, Any]]
    data: str
    is_empty: bool


def chart(hours: Sequence[Hour], step_ms: int) -> Chart:
    """Return the charts of a time range without gaps.

    Args:
        hours: every step of the range.
        step_ms: duration of a step.
    """
    rows = [{**each.plain(), "at_ms": each.hour * step_ms} for each in hours]
    columns = {
        "at": [row["at_ms"] // 1_000 for row in rows],
        **{
            name: [row[name] for row in rows]
            for name in ("delivered", "failed", "dead", "p50_ms", "p95_ms", "success_rate")
        },
        "step": step_ms // 1_000,
    }
    empty = not any(row["delivered"] or row["failed"] or row["dead"] for row in rows)
    return Chart(rows, orjson.dumps(columns).decode(), empty)
