"""The heaviest workspaces are found in bounded memory, and ten of them are shown."""

from __future__ import annotations

import random

from plaudit.deliver.telemetry.heavy_workspaces import (
    MOST_SHOWN,
    WINDOW_S,
    FrequentItems,
    HeavyWorkspaces,
)


def test_the_heaviest_are_found_among_very_many() -> None:
    chance = random.Random(7)  # noqa: S311 - a fixed order, not a secret
    items = FrequentItems(most=100)
    heavy = [f"heavy-{number}" for number in range(5)]
    keys = [*(key for key in heavy for _ in range(1_000)), *(f"light-{n}" for n in range(20_000))]
    chance.shuffle(keys)
    for key in keys:
        items.add(key)
    found = items.top(5)
    assert {key for key, _ in found} == set(heavy)
    most_error = 2 * len(keys) / 100
    assert all(1_000 - most_error <= count <= 1_000 for _, count in found)
    assert len(items.top(1_000)) <= 100


def test_counts_are_exact_while_few_workspaces_are_active() -> None:
    items = FrequentItems()
    for key in ("a", "b", "a", "c", "a", "b"):
        items.add(key)
    assert items.top(2) == [("a", 3), ("b", 2)]


def test_a_minute_ends_with_ten_workspaces_and_a_new_one_starts() -> None:
    heavy = HeavyWorkspaces(0.0)
    for number in range(50):
        for _ in range(number):
            heavy.add(str(number))
    assert (heavy.settled, heavy.is_over(WINDOW_S - 1)) == ([], False)
    assert heavy.is_over(WINDOW_S)
    heavy.roll(WINDOW_S, ["a", "b", "b"])
    assert heavy.settled == [(str(number), number) for number in range(49, 49 - MOST_SHOWN, -1)]
    assert heavy.waiting == [("b", 2), ("a", 1)]
    heavy.roll(2 * WINDOW_S, [])
    assert (heavy.settled, heavy.waiting) == ([], [])
