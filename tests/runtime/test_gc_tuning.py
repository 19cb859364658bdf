"""Caches that the garbage collector spares."""

from __future__ import annotations

import gc

import pytest

from plaudit.runtime.gc_tuning import LARGE_CACHE, spare_cache


@pytest.mark.parametrize(("objects", "spared"), [(LARGE_CACHE, True), (LARGE_CACHE - 1, False)])
def test_only_a_large_cache_is_spared(objects: int, *, spared: bool) -> None:
    gc.unfreeze()
    try:
        spare_cache(objects)
        assert (gc.get_freeze_count() > 0) is spared
    finally:
        gc.unfreeze()
