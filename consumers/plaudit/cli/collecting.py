"""Python's garbage collector in processes that run for long and make much that goes by itself."""

from __future__ import annotations

import gc
from typing import Final

COLLECT_AFTER: Final = 20_000
"""A few thousand deliveries' worth."""


def spare_the_collector(after: int = COLLECT_AFTER) -> None:
    """Leave what is there for good out of every collection, and collect less often.

    Deliveries and requests are gone with their last reference; the collector would walk through
    those in hand every ten of them, and through all modules a few times a second.

    Args:
        after: so many objects that may hold others, made and not gone.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(after)
