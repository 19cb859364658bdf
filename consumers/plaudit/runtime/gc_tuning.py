"""Memory of processes that run for long and make much that goes by itself."""

from __future__ import annotations

import ctypes
import gc
import sys
from typing import Final

COLLECT_AFTER: Final = 20_000
"""A few thousand deliveries' worth."""
_M_ARENA_MAX: Final = -8
"""As glibc's malloc.h has it; mallopt(3)."""
ARENAS: Final = 2


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


def share_arenas() -> None:
    """Let threads share what they allocate from, where that is glibc's; before there are any.

    glibc gives each thread an arena of its own, and librdkafka has a thread for each broker of each
    client: with 10,000 endpoints a worker had 8 MiB in them that nobody used.
    """
    if sys.platform == "linux":
        mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
        if mallopt is not None:
            mallopt(_M_ARENA_MAX, ARENAS)
