"""Distributions of times, as three figures."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from typing import NamedTuple


class Spread(NamedTuple):
    """A distribution, in milliseconds."""

    p50: float
    p99: float
    most: float


def spread(found: Iterable[float]) -> Spread | None:
    """Return the figures of some values; None if there are none."""
    values: Sequence[float] = sorted(found)
    if len(values) < 2:
        return Spread(values[0], values[0], values[0]) if values else None
    cuts = statistics.quantiles(values, n=100, method="inclusive")
    return Spread(cuts[49], cuts[98], values[-1])
