"""Bulk work makes no cycles: the collector would walk through what is in hand for nothing."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

COLLECT_AFTER: Final = 50_000
"""More objects than a batch has: the headers of a record are 20 tuples."""


@contextmanager
def spared_collector() -> Iterator[None]:
    """Leave out of collections what is there already, and collect less often.

    For whoever runs the job, once in a process: what it changes holds for all threads.
    """
    before = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(COLLECT_AFTER, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()
