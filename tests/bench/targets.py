"""The targets of Plaudit, as ratios of one run; machines differ, ratios hardly do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from bench.figures import Figure


class Verdict(StrEnum):
    """Result of comparing a figure with its target."""

    MET = "met"
    MISSED = "missed"
    VOID = "void"


@dataclass(frozen=True, slots=True)
class Target:
    """Bounds of one figure, both included.

    Attributes:
        least: None: no lower bound.
        most: None: no upper bound.
    """

    least: float | None = None
    most: float | None = None

    def __str__(self) -> str:
        """Return the bounds as text."""
        if self.least is None:
            return f"≤ {self.most:g}"
        if self.most is None:
            return f"≥ {self.least:g}"
        return f"{self.least:g} to {self.most:g}"

    def judge(self, figure: Figure) -> Verdict:
        """Compare the median with the bounds."""
        if figure.void:
            return Verdict.VOID
        value = figure.median
        low = self.least is not None and value < self.least
        high = self.most is not None and value > self.most
        return Verdict.MISSED if low or high else Verdict.MET


TARGETS: Final[Mapping[tuple[str, str], Target]] = MappingProxyType(
    {
        # Of the compiled form; the pure one is to stay below 1.2.
        ("throughput", "cpu_vs_aiohttp"): Target(most=0.5),
        ("throughput", "rate_vs_httpx"): Target(least=25),
        ("throughput", "memory_mib"): Target(most=150),
        ("tracing", "off.vs_absent"): Target(most=1.03),
        ("tracing", "sampled.vs_absent"): Target(most=1.1),
        ("tls", "rate_vs_plain"): Target(least=0.5),
        ("workers", "cpu_vs_one"): Target(most=1.1),
        ("workers", "rate_vs_one"): Target(least=1.8),
        ("hanging", "time_vs_without"): Target(most=1.1),
        **{
            ("beside", f"{key}.{metric}"): Target(most=1.1)
            for key in ("1500_hang", "15000_hang", "1500_drip", "1500_deaf", "1500_reset")
            for metric in ("own_time", "own_cpu")
        },
        ("kills", "share"): Target(most=1),
        ("dead", "share"): Target(least=0.95),
        ("dead", "pause_s"): Target(most=1.0),
        # After 0, 5, 35 and 155 s it waits in the next tier, past the 180 s.
        ("dead", "diversions"): Target(most=5),
        ("many", "reached_of_10000"): Target(least=10_000),
        ("many", "memory_mib"): Target(most=150),
        ("many", "left"): Target(most=0),
        ("rate-limit", "arrivals_in_60_s"): Target(least=295, most=305),
        ("rate-limit", "most_in_1_s"): Target(most=10),
        ("latency", "p50_ms_at_100"): Target(most=4),
        ("latency", "p99_ms_at_100"): Target(most=12),
        ("latency", "p99_ms_at_5000"): Target(most=40),
    }
)
"""By scenario and figure."""
