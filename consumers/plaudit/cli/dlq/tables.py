"""Counts of dead letters, as tables with bars or for programs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from plaudit.cli.dlq.options import Chosen
from plaudit.cli.ui.endpoint_names import endpoint_names
from plaudit.cli.ui.listing import SHORT_ID
from plaudit.cli.ui.output import note, plain
from plaudit.dlq.letters.histogram import NONE, Histogram
from plaudit.dlq.letters.reader import Letters
from plaudit.kafka.settings import KafkaSettings

_MOST_ROWS: Final = 12
_BAR: Final = 30
_GAP: Final = "  "


def count_lines(histogram: Mapping[str, Mapping[str, int]]) -> list[str]:
    """Return a histogram for people: what all letters share, then a table for each other field."""
    named = {
        name: _labelled(counts) if name == "endpoint" else counts
        for name, counts in histogram.items()
        if counts and set(counts) != {NONE}
    }
    shared = {name: next(iter(counts)) for name, counts in named.items() if len(counts) == 1}
    width = max(map(len, shared), default=0)
    lines = [f"{name:<{width}}  {plain(value)} (all)" for name, value in shared.items()]
    for name, counts in named.items():
        if name not in shared:
            lines += ["", *_table(name, counts)]
    return lines


def count_rows(histogram: Mapping[str, Mapping[str, int]]) -> list[str]:
    """Return a histogram for programs: field, value and count, separated by tabs."""
    return [
        f"{name}\t{plain(value)}\t{number}"
        for name, counts in histogram.items()
        for value, number in counts.items()
    ]


def _table(name: str, counts: Mapping[str, int]) -> list[str]:
    """Return rows with count, share and bar."""
    total, most = sum(counts.values()), max(counts.values())
    rows = list(counts.items())
    cells = [(name.upper(), "LETTERS", "SHARE", "")]
    for value, number in rows[:_MOST_ROWS]:
        bar = "█" * max(1, round(_BAR * number / most))
        cells.append((plain(value), f"{number:,}", f"{number / total:.0%}", bar))
    if len(rows) > _MOST_ROWS:
        rest = sum(number for _, number in rows[_MOST_ROWS:])
        more = f"and {len(rows) - _MOST_ROWS:,} more"
        cells.append((more, f"{rest:,}", f"{rest / total:.0%}", ""))
    first, second, third, _ = (max(map(len, column)) for column in zip(*cells, strict=True))
    return [
        _GAP.join((value.ljust(first), number.rjust(second), share.rjust(third), bar)).rstrip()
        for value, number, share, bar in cells
    ]


def _labelled(counts: Mapping[str, int]) -> dict[str, int]:
    """Return counts by name and short id, for endpoints that have a name."""
    names = endpoint_names()
    return {
        f"{names[each]} ({each[:SHORT_ID]})" if each in names else each: number
        for each, number in counts.items()
    }


def nothing_matches(settings: KafkaSettings, chosen: Chosen) -> None:
    """Print that no letter matched, and which letters exist: a filter may be misspelt."""
    if chosen.filter.is_empty:
        note("no dead letters")
        return
    histogram = Histogram()
    with Letters(settings, chosen.kind) as letters:
        for letter in letters.read():
            histogram.add(letter)
    if not histogram.total:
        note("no dead letters, whatever the filter")
        return
    reasons = histogram.counts()["reason"]
    there = ", ".join(f"{reason} {number:,}" for reason, number in list(reasons.items())[:6])
    note(f"no dead letters match; there are {histogram.total:,}: {there}")
