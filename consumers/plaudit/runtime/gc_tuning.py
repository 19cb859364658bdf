"""Tuning of interpreter and malloc for long-running commands."""

from __future__ import annotations

import ctypes
import gc
import sys
from typing import Final

COLLECT_AFTER: Final = 20_000
"""Generation-0 threshold: the objects of a few thousand deliveries."""
LARGE_CACHE: Final = 10_000
"""Objects from which on a cache makes a collection noticeably longer."""
# Parameter numbers in glibc's malloc.h; see mallopt(3).
_M_TRIM_THRESHOLD: Final = -1
_M_MMAP_THRESHOLD: Final = -3
_M_ARENA_MAX: Final = -8
ARENAS: Final = 2
LARGE_BYTES: Final = 256 * 1024
"""Blocks from this size on go back to the system as soon as they are freed."""
SWITCH_S: Final = 0.0005
"""Time that a thread waits for the interpreter lock before it asks for it; 5 ms by default."""
SPARE_BYTES: Final = 1024 * 1024
"""Free memory that an arena keeps at its end."""


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


def spare_cache(objects: int) -> None:
    """Exclude a cache that was just filled from garbage collection, if it has many objects.

    Every thread waits while a full collection traverses them. For the same reason, this function
    does not collect first, unlike `spare_the_collector`.
    """
    if objects >= LARGE_CACHE:
        gc.freeze()


def switch_threads_soon() -> None:
    """Let a waiting thread have the interpreter lock sooner.

    A busy event loop releases the lock many times in 5 ms, takes it again at once, and so defers
    the request of a waiting thread: threads that look up names or commit waited up to a second.
    """
    sys.setswitchinterval(SWITCH_S)


def bound_malloc() -> None:
    """Keep little unused memory in malloc, where glibc is used; call it before threads start.

    glibc gives each thread an arena of its own, and librdkafka has a thread for each broker of each
    client: with 10,000 endpoints, a worker had 8 MiB of unused memory in them. By itself, glibc
    also keeps blocks of up to 32 MiB once one was freed: after a burst of fetched records, 26 of
    56 MiB were unused.
    """
    if sys.platform == "linux":
        mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
        if mallopt is not None:
            mallopt(_M_ARENA_MAX, ARENAS)
            mallopt(_M_MMAP_THRESHOLD, LARGE_BYTES)
            mallopt(_M_TRIM_THRESHOLD, SPARE_BYTES)
