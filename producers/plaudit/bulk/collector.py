"""Garbage-collector tuning for bulk jobs, which create no reference cycles."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

COLLECT_AFTER: Final = 50_000
"""Generation-0 threshold. A batch has fewer objects; the headers of a record are 20 tuples."""


@contextmanager
def spared_collector() -> Iterator[None]:
    """Exclude existing objects from collection, and collect less often.

    The caller is the process that runs the job. Call it once; the change affects all threads.
    """
    before = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(COLLECT_AFTER, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()
