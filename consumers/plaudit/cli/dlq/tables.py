"""Tables of dead-letter counts, with bars."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from rich.table import Table

from plaudit.cli.dlq.options import Chosen
from plaudit.cli.ui.console import PlainConsole
from plaudit.cli.ui.output import note
from plaudit.dlq.letters.histogram import NONE, Histogram
from plaudit.dlq.letters.reader import Letters
from plaudit.kafka.settings import KafkaSettings

_MOST_ROWS: Final = 12
_BAR: Final = 30


def bars(histogram: Mapping[str, Mapping[str, int]], console: PlainConsole | None = None) -> None:
    """Print a histogram: one table per dimension, longest bar first."""
    shown = console or PlainConsole()
    for name, counts in histogram.items():
        if not counts or set(counts) == {NONE}:
            continue
        table = Table(name, "letters", "", box=None, pad_edge=False)
        most = max(counts.values())
        rows = list(counts.items())
        for value, number in rows[:_MOST_ROWS]:
            table.add_row(value, f"{number:,}", "█" * max(1, round(_BAR * number / most)))
        if len(rows) > _MOST_ROWS:
            rest = sum(number for _, number in rows[_MOST_ROWS:])
            table.add_row(f"and {len(rows) - _MOST_ROWS:,} more", f"{rest:,}", "")
        shown.print(table)
        shown.print()


def nothing_matches(settings: KafkaSettings, chosen: Chosen) -> None:
    """Print that no letter matched, and what there is instead: a filter may be misspelt."""
    if chosen.filter.is_empty:
        note("no dead letters")
        return
    histogram = Histogram()
    with Letters(settings, chosen.kind) as letters:
        for letter in letters.read():
            histogram.take(letter)
    if not histogram.total:
        note("no dead letters, whatever the filter")
        return
    reasons = histogram.counts()["reason"]
    there = ", ".join(f"{reason} {number:,}" for reason, number in list(reasons.items())[:6])
    note(f"no dead letters match; there are {histogram.total:,}: {there}")
