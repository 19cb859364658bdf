"""Result of a whole run, and its JSON form."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from bench.figures import Figure, Finding
from bench.targets import TARGETS, Target, Verdict

FORM: int = 1
"""Version of the JSON form; it grows with incompatible changes."""


class Row(NamedTuple):
    """A figure with its target, if any."""

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
    """Findings by scenario, with the setting of the run.

    Attributes:
        setting: machine, versions, cores and effort.
        findings: findings in order.
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
        """Reasons why scenarios are void."""
        reasons = {
            scenario: tuple(
                dict.fromkeys(reason for figure in finding.figures for reason in figure.void)
            )
            for scenario, finding in self.findings.items()
        }
        return {scenario: why for scenario, why in reasons.items() if why}

    @property
    def missed(self) -> list[Row]:
        """Figures that missed their target."""
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
        """Return the report as JSON, including samples."""
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
    """Format a value with about three digits and its unit."""
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
