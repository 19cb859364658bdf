"""PromQL that several panels share."""

from __future__ import annotations

from typing import Final

from plaudit.cli.docs.monitoring.panel import PromQuery

RATE: Final = "$__rate_interval"


def rate(metric: str, by: str, legend: str, where: str = "") -> PromQuery:
    """Return the rate of a counter, summed by labels."""
    return PromQuery(f"sum by ({by}) (rate({metric}{where}[{RATE}]))", legend)


def percentile(metric: str, part: float, by: str, legend: str) -> PromQuery:
    """Return a percentile of a histogram, by a label."""
    inner = f"sum by (le, {by}) (rate({metric}_bucket[{RATE}]))"
    return PromQuery(f"histogram_quantile({part:g}, {inner})", legend)
