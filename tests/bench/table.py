"""Report for people: a table, text charts and Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from bench.report import Bar, Report, Row, shown
from bench.targets import Verdict

_STYLES: Final[Mapping[Verdict, str]] = {
    Verdict.MET: "green",
    Verdict.MISSED: "red",
    Verdict.VOID: "yellow",
}
BAR_WIDTH: Final = 46
_PORT: Final = re.compile(r" at 127\.0\.0\.1:\d+$")
_EIGHTHS: Final = " ▏▎▍▌▋▊▉█"


def print_report(report: Report, console: Console) -> None:
    """Print the setting, the table, the charts, the notes, and void figures."""
    console.print(escape(place(report)), highlight=False)
    console.print(table(report))
    for title, bars in report.charts().items():
        console.print(f"\n[bold]{escape(title)}[/bold]", highlight=False)
        for line in text_bars(bars):
            console.print(escape(line), highlight=False)
    console.print()
    for line in remarks(report):
        console.print(escape(line), highlight=False)


def place(report: Report) -> str:
    """Return the setting of the measurement as text."""
    setting = report.setting
    kafka = _PORT.sub("", str(setting["kafka"]))
    return (
        f"{setting['cpu']}, {setting['cores']} cores, Linux {setting['kernel']}, "
        f"Python {setting['python']}, Plaudit {setting['build']}; {kafka}; {setting['placement']}"
    )


def table(report: Report) -> Table:
    """Return every figure as a row."""
    drawn = Table(title="plaudit bench", title_justify="left")
    for name, align in (("scenario", "left"), ("what", "left"), ("median", "right")):
        drawn.add_column(name, justify="right" if align == "right" else "left")
    for name in ("range", "target", ""):
        drawn.add_column(name, justify="right" if name else "left")
    before = ""
    for row in report.rows():
        if before and row.scenario != before:
            drawn.add_section()
        name = "" if row.scenario == before else row.scenario
        before = row.scenario
        drawn.add_row(name, *_cells(row))
    return drawn


def _cells(row: Row) -> Iterator[str]:
    figure = row.figure
    low, high = figure.spread
    yield escape(figure.title)
    yield shown(figure.median, figure.unit)
    yield "" if low == high else f"{shown(low, '')} … {shown(high, '')}"
    yield "" if row.target is None else str(row.target)
    if row.verdict is not None:
        yield f"[{_STYLES[row.verdict]}]{row.verdict}[/]"
    else:
        yield f"[{_STYLES[Verdict.VOID]}]{Verdict.VOID}[/]" if figure.void else ""


def text_bars(bars: Sequence[Bar], width: int = BAR_WIDTH) -> Iterator[str]:
    """Yield a line for each bar, scaled to a width."""
    most = max(bar.value for bar in bars) or 1.0
    wide = max(len(bar.label) for bar in bars)
    for bar in bars:
        eighths = round(bar.value / most * width * 8)
        drawn = "█" * (eighths // 8) + _EIGHTHS[eighths % 8].strip()
        mark = " (void)" if bar.void else ""
        yield f"  {bar.label:<{wide}}  {drawn or '▏'} {shown(bar.value, ' ').strip()}{mark}"


def remarks(report: Report) -> Iterator[str]:
    """Yield remarks for the reader of the figures."""
    for name, finding in report.findings.items():
        for note in finding.notes:
            yield f"{name}: {note}"
    for name, reasons in report.void.items():
        for reason in reasons:
            yield f"void: {name}: {reason}"
    for row in report.missed:
        value = shown(row.figure.median, row.figure.unit)
        yield f"missed: {row.scenario}: {row.figure.title}: {value}, target {row.target}"


def markdown(report: Report) -> Iterator[str]:
    """Yield the Markdown block with the setting, the figures and the targets."""
    yield f"On {place(report)}."
    yield ""
    yield "| what | measured | target |"
    yield "|---|---:|---:|"
    for row in report.rows():
        value = shown(row.figure.median, row.figure.unit)
        if row.figure.void:
            value += " (void)"
        target = "" if row.target is None else f"{row.target}{_mark(row)}"
        yield f"| {row.scenario}: {row.figure.title} | {value} | {target} |"
    yield ""
    yield f"`{report.setting['command']}`, {report.setting['date']}."


def _mark(row: Row) -> str:
    match row.verdict:
        case Verdict.MET:
            return " ✓"
        case Verdict.MISSED:
            return " missed"
        case Verdict.VOID | None:
            return ""
