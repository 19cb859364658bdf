"""The page about sizing computes with the figures of the page about benchmarks."""

from __future__ import annotations

import math
import re
from pathlib import Path

import pytest

pytestmark = pytest.mark.tree

DOCS = Path(__file__).parents[2] / "docs"
SIZING = (DOCS / "sizing.md").read_text()
BENCHMARKS = (DOCS / "benchmarks.md").read_text()
FREE = 2
"""Half of each core stays free."""
RECORDED_PER_S = 38_200
FEWEST = 2
WORKER_GIB = 200 / 1_024


def measured(scenario: str, figure: str) -> tuple[float, float]:
    """Return the medians of the pure and the compiled form."""
    [row] = re.findall(rf"^\| `{scenario}` \| {figure} \|(.*)\|$", BENCHMARKS, re.MULTILINE)
    pure, compiled = (float(each.split()[0].replace(",", "")) for each in row.split("|"))
    return pure, compiled


RATES = measured("throughput", "deliveries per second and core")


def test_the_page_names_the_measured_rates_and_costs() -> None:
    slow = measured("ordinary", "deliveries per second and core, 1,000 endpoints [^|]*")
    for each in (*RATES, *slow):
        assert f"{each:,.0f}" in SIZING
    pure, compiled = measured("throughput", "CPU per delivery")
    assert f"{compiled:.0f} µs for each delivery in the compiled form, {pure:.0f} µs" in SIZING
    most = max(quick / late for quick, late in zip(RATES, slow, strict=True))
    assert f"take {most:.1f} times the workers" in SIZING


@pytest.mark.parametrize("per_s", [10_000, 100_000])
def test_the_table_follows_from_them(per_s: int) -> None:
    pure, compiled = (max(FEWEST, math.ceil(per_s * FREE / rate)) for rate in RATES)
    [row] = re.findall(rf"^\| {per_s:,} \|(.*)\|$", SIZING, re.MULTILINE)
    cells = [each.strip() for each in row.split("|")]
    assert cells[:2] == [str(compiled), str(pure)]
    memory = sorted({f"{count * WORKER_GIB:.1f}" for count in (compiled, pure)}, key=float)
    assert cells[3] == f"{' to '.join(memory)} GiB"
    assert cells[4] == str(math.ceil(per_s * FREE / RECORDED_PER_S))
