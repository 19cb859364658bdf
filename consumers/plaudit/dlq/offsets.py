"""What a scan remembers of a topic: offsets, not records.

A tombstone comes after its letter, so nothing is known of a letter before the end of its partition
has been read. `Survivors` keeps one offset for each key while a partition is read; what is left of
it is an `OffsetIndex`, 8 bytes a letter, by which the letters are found when they are read again.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Mapping


class OffsetIndex:
    """Offsets of a topic's partitions, ascending in each."""

    def __init__(self) -> None:
        self._offsets: dict[int, array[int]] = {}

    def __len__(self) -> int:
        return sum(len(offsets) for offsets in self._offsets.values())

    def __iter__(self) -> Iterator[tuple[int, int]]:
        for partition, offsets in self._offsets.items():
            for offset in offsets:
                yield partition, offset

    def add(self, partition: int, offset: int) -> None:
        """Add an offset above those that the partition has."""
        offsets = self._offsets.get(partition)
        if offsets is None:
            offsets = self._offsets[partition] = array("q")
        offsets.append(offset)

    @property
    def spans(self) -> Mapping[int, tuple[int, int]]:
        """The first offset of each partition, and the one after the last."""
        return {
            partition: (offsets[0], offsets[-1] + 1) for partition, offsets in self._offsets.items()
        }

    def walk(self) -> Walk:
        """Return a reader's way through it."""
        return Walk(self._offsets)


class Walk:
    """Says of each record of an ascending reading whether it is in the index."""

    def __init__(self, offsets: Mapping[int, array[int]]) -> None:
        self._offsets = offsets
        self._next = dict.fromkeys(offsets, 0)

    def takes(self, partition: int, offset: int) -> bool:
        """Return whether the index has this offset; offsets only ever grow in a partition."""
        offsets = self._offsets.get(partition)
        if offsets is None:
            return False
        place, end = self._next[partition], len(offsets)
        while place < end and offsets[place] < offset:  # compaction or retention took them
            place += 1
        self._next[partition] = place
        return place < end and offsets[place] == offset


class Survivors:
    """The letters of partitions that are being read: for each key, the latest one's offset."""

    def __init__(self) -> None:
        self._latest: dict[int, dict[bytes, int]] = {}

    def see(self, partition: int, offset: int, key: bytes, *, tombstone: bool) -> None:
        """Take in a record; a tombstone takes away the letters of its key before it."""
        latest = self._latest.get(partition)
        if latest is None:
            latest = self._latest[partition] = {}
        if tombstone:
            latest.pop(key, None)
        else:
            latest[key] = offset

    def move_to(self, index: OffsetIndex) -> None:
        """Put what is left into an index, and forget the keys."""
        while self._latest:
            partition, latest = self._latest.popitem()
            for offset in sorted(latest.values()):
                index.add(partition, offset)
