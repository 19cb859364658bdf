"""Durations as people write them."""

from __future__ import annotations

import pytest

from plaudit.records.delays import DelayError, parse_delays
from plaudit.records.durations import DurationError, duration_text, seconds_of


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90s", 90), ("15m", 900), ("24h", 86_400), ("7d", 604_800), ("250ms", 0.25),
        ("90", 90), ("0.5", 0.5), (" 2 h ", 7_200), ("0", 0),
    ],
)  # fmt: skip
def test_a_duration_is_a_number_with_a_unit_or_of_seconds(text: str, seconds: float) -> None:
    assert seconds_of(text) == seconds


@pytest.mark.parametrize("text", ["", "s", "5y", "-5s", "1h30m", "now", "1e3", "1,5h"])
def test_another_text_is_refused_with_the_forms(text: str) -> None:
    with pytest.raises(DurationError, match="is not a duration such as 90s, 15m, 24h, 7d"):
        seconds_of(text)


def test_a_duration_is_shown_in_its_largest_whole_unit() -> None:
    shown = [duration_text(seconds) for seconds in (0, 0.1, 90, 900, 86_400, 604_800)]
    assert shown == ["0s", "0.1s", "90s", "15m", "24h", "7d"]


def test_a_schedule_accepts_days_and_plain_seconds() -> None:
    delays = parse_delays("5, 90s, 1d")
    assert [(each.millis, each.label) for each in delays] == [
        (5_000, "5s"), (90_000, "90s"), (86_400_000, "1d"),
    ]  # fmt: skip


def test_a_schedule_over_a_week_is_refused() -> None:
    with pytest.raises(DelayError, match="longer than 7 days"):
        parse_delays("8d")
