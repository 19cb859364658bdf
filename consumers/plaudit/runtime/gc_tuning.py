"""Garbage-collector and malloc tuning for long-running commands."""

from __future__ import annotations

import ctypes
import gc
import sys
from typing import Final

COLLECT_AFTER: Final = 20_000
"""Generation-0 threshold: the objects of a few thousand deliveries."""
_M_ARENA_MAX: Final = -8
"""Parameter number of M_ARENA_MAX in glibc's malloc.h; see mallopt(3)."""
ARENAS: Final = 2


def spare_the_collector(after: int = COLLECT_AFTER) -> None:
    """Exclude existing objects from garbage collection, and collect less often.

    Reference counting frees deliveries and requests. The collector would traverse those in flight
    every ten of them, and all modules a few times a second.

    Args:
        after: container allocations between two generation-0 collections.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(after)


def share_arenas() -> None:
    """Make threads share malloc arenas where glibc is used; call it before they start.

    glibc gives each thread an arena of its own, and librdkafka has a thread for each broker of each
    client: with 10,000 endpoints, a worker had 8 MiB of unused memory in them.
    """
    if sys.platform == "linux":
        mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
        if mallopt is not None:
            mallopt(_M_ARENA_MAX, ARENAS)
