"""Pages of the console over a large log, with the generator of the benchmark; in the night."""

from __future__ import annotations

import pytest

from bench.console_pages import assets_size, filled, measure

ROWS = 60_000
SLOWEST_MS = 2_000.0
"""Ten times what a page may take, for a machine that does other work at the same time."""
LARGEST_PAGE = 40_000
LARGEST_FILES = 100_000
"""Bytes over the wire."""


@pytest.mark.nightly
@pytest.mark.timeout(1_200)
def test_no_page_is_slow_or_large_over_a_large_log() -> None:
    with filled(ROWS) as made:
        found = [each for face in measure(made).values() for each in face]
        assert [each for each in found if each.p95_ms > SLOWEST_MS] == []
        assert [each for each in found if each.size > LARGEST_PAGE] == []
        assert sum(assets_size(made).values()) < LARGEST_FILES
