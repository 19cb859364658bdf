"""What a scan remembers of a topic: offsets, not records.

A tombstone comes after its letter, so nothing is known of a letter before the end of its partition
has been read. `Survivors` keeps 16 bytes for each record while a partition is read; what is left of
it is an `OffsetIndex`, 8 bytes a letter, by which the letters are found when they are read again.
"""

from __future__ import annotations

from array import array
from collections.abc import Collection, Iterator, Mapping
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from confluent_kafka import Message

SHARDS: Final = 64
"""Parts of a partition that are looked at one by one, so that a table of one is small."""


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
        self.extend(partition, (offset,))

    def extend(self, partition: int, offsets: Collection[int]) -> None:
        """Add ascending offsets above those that the partition has."""
        if offsets:
            self._offsets.setdefault(partition, array("q")).extend(offsets)

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
    """The letters of partitions that are being read: of each key, the latest record counts.

    Of a key only its 64-bit hash is kept. Should two keys of a partition share one (in ten million
    letters, once in two million scans), the earlier letter is overlooked until the next run: Python
    salts its hashes anew in every process.
    """

    def __init__(self) -> None:
        self._partitions: dict[int, list[_Shard]] = {}

    def see(self, partition: int, offset: int, key: bytes, *, tombstone: bool) -> None:
        """Take in a record; a tombstone takes away the letters of its key before it."""
        shards = self._partitions.get(partition)
        if shards is None:
            shards = self._partitions[partition] = [(array("q"), array("q")) for _ in range(SHARDS)]
        hashed = hash(key)
        hashes, places = shards[hashed % SHARDS]
        hashes.append(hashed)
        places.append(~offset if tombstone else offset)

    def take(self, message: Message) -> None:
        """Take in a record, as `see` does."""
        self.see(
            message.partition() or 0,
            message.offset() or 0,
            message.key() or b"",
            tombstone=message.value() is None,
        )

    def move_to(self, index: OffsetIndex) -> None:
        """Put what is left into an index, and forget the keys."""
        while self._partitions:
            partition, shards = self._partitions.popitem()
            alive = array("q")
            while shards:
                hashes, places = shards.pop()
                latest = dict(zip(hashes, places, strict=True))  # of equal ones, the last stays
                alive.extend(place for place in latest.values() if place >= 0)
            index.extend(partition, sorted(alive))


_Shard = tuple["array[int]", "array[int]"]
"""Hashes of keys, and where each record stands; a tombstone's offset is inverted, so negative."""
