"""Commit metadata, as a worker writes it."""

from __future__ import annotations

from collections.abc import Iterable

from plaudit.deliver.offsets.bitmap import Bitmap


def metadata(committed: int, done: Iterable[int]) -> str:
    """Return what is committed with an offset when these above it are done."""
    bits = Bitmap(committed)
    for offset in done:
        bits.add(offset)
    return bits.metadata(committed)
