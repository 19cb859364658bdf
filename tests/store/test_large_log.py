"""Pages of a large log, with the generator of the benchmark; in the night."""

from __future__ import annotations

import pytest
from sqlalchemy.engine import Engine

from bench.log_pages import fill, measure

ROWS = 60_000
SLOWEST_MS = 2_000.0
"""Ten times what a page may take, for a machine that does other work at the same time."""


@pytest.mark.nightly
def test_no_filter_makes_a_page_slow(engine: Engine) -> None:
    fill(engine, ROWS)
    slow = {name: times for name, times in measure(engine).items() if max(times) > SLOWEST_MS}
    assert slow == {}
