"""The result of a whole run, and its form for machines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from bench.figures import Figure, Finding
from bench.targets import TARGETS, Target, Verdict

FORM: int = 1
"""Grows when the JSON changes in a way that readers would trip over."""


class Row(NamedTuple):
    """One figure with its target, if it has one."""

    scenario: str
    figure: Figure
    target: Target | None
    verdict: Verdict | None


class Bar(NamedTuple):
    """One bar of a chart."""

    label: str
    value: float
    void: bool


@dataclass(frozen=True, slots=True)
class Report:
    """Findings by scenario, and what they were taken on.

    Attributes:
        setting: the machine, versions, who ran where, how much was done.
        findings: in the order in which they were taken.
    """

    setting: Mapping[str, object]
    findings: Mapping[str, Finding]

    def rows(self) -> Iterator[Row]:
        """Yield every figure with its verdict."""
        for scenario, finding in self.findings.items():
            for figure in finding.figures:
                target = TARGETS.get((scenario, figure.key))
                yield Row(
                    scenario, figure, target, None if target is None else target.judge(figure)
                )

    @property
    def void(self) -> dict[str, tuple[str, ...]]:
        """The reasons for which scenarios do not count."""
        reasons = {
            scenario: tuple(
                dict.fromkeys(reason for figure in finding.figures for reason in figure.void)
            )
            for scenario, finding in self.findings.items()
        }
        return {scenario: why for scenario, why in reasons.items() if why}

    @property
    def missed(self) -> list[Row]:
        """Figures that did not reach their target."""
        return [row for row in self.rows() if row.verdict is Verdict.MISSED]

    def charts(self) -> dict[str, list[Bar]]:
        """Return the bars of each chart, by its title."""
        charts: dict[str, list[Bar]] = {}
        for row in self.rows():
            if row.figure.chart:
                bar = Bar(row.figure.bar, row.figure.median, bool(row.figure.void))
                charts.setdefault(row.figure.chart, []).append(bar)
        return charts

    def as_json(self) -> dict[str, object]:
        """Return all of it, samples included, for machines."""
        return {
            "form": FORM,
            **self.setting,
            "void": {name: list(why) for name, why in self.void.items()},
            "scenarios": {
                name: {
                    "figures": [_figure_json(row) for row in self.rows() if row.scenario == name],
                    "notes": list(finding.notes),
                    "raw": {key: list(values) for key, values in finding.raw.items()},
                }
                for name, finding in self.findings.items()
            },
        }


def _figure_json(row: Row) -> dict[str, object]:
    figure = row.figure
    return {
        "key": figure.key,
        "title": figure.title,
        "unit": figure.unit,
        "median": figure.median,
        "samples": [
            {"value": sample.value, "void": list(sample.void)} for sample in figure.samples
        ],
        "void": list(figure.void),
        "target": None if row.target is None else str(row.target),
        "verdict": row.verdict,
    }


def shown(value: float, unit: str) -> str:
    """Write a value with three digits or so, and its unit."""
    size = abs(value)
    if value == int(value) or size >= 1_000:
        text = f"{value:,.0f}"
    elif size >= 100:
        text = f"{value:.0f}"
    elif size >= 10:
        text = f"{value:.1f}"
    else:
        text = f"{value:.2f}"
    return f"{text}{unit}" if unit == "/s" else f"{text} {unit}".rstrip()
