"""Offset index of a scan, which stores offsets instead of records.

A tombstone follows its letter, so a letter's state is known only at the end of its partition.
`Survivors` holds 16 bytes per record while a partition is read. The result is an `OffsetIndex` with
8 bytes per letter, by which a second pass finds the letters.
"""

from __future__ import annotations

from array import array
from collections.abc import Collection, Iterator, Mapping
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from confluent_kafka import Message

SHARDS: Final = 64
"""Number of parts that are processed one at a time, so that each part's table is small."""


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
        """Add an offset above the partition's last."""
        self.extend(partition, (offset,))

    def extend(self, partition: int, offsets: Collection[int]) -> None:
        """Add ascending offsets above the partition's last."""
        if offsets:
            self._offsets.setdefault(partition, array("q")).extend(offsets)

    @property
    def spans(self) -> Mapping[int, tuple[int, int]]:
        """The first offset of each partition, and the one after the last."""
        return {
            partition: (offsets[0], offsets[-1] + 1) for partition, offsets in self._offsets.items()
        }

    def walk(self) -> Walk:
        """Return a cursor for one ascending pass."""
        return Walk(self._offsets)


class Walk:
    """Decides for each record of an ascending pass whether it is in the index."""

    def __init__(self, offsets: Mapping[int, array[int]]) -> None:
        self._offsets = offsets
        self._next = dict.fromkeys(offsets, 0)

    def takes(self, partition: int, offset: int) -> bool:
        """Return whether the index has this offset; offsets must ascend in a partition."""
        offsets = self._offsets.get(partition)
        if offsets is None:
            return False
        place, end = self._next[partition], len(offsets)
        while place < end and offsets[place] < offset:  # compaction or retention took them
            place += 1
        self._next[partition] = place
        return place < end and offsets[place] == offset


class Survivors:
    """Surviving letters of partitions being read: the latest record of each key counts.

    It stores only a 64-bit hash of a key. If two keys of a partition collide (for ten million
    letters, once in two million scans), the earlier letter is missed until the next run, because
    Python salts its hashes in every process.
    """

    def __init__(self) -> None:
        self._partitions: dict[int, list[_Shard]] = {}

    def see(self, partition: int, offset: int, key: bytes, *, tombstone: bool) -> None:
        """Process a record; a tombstone removes earlier letters of its key."""
        shards = self._partitions.get(partition)
        if shards is None:
            shards = self._partitions[partition] = [(array("q"), array("q")) for _ in range(SHARDS)]
        hashed = hash(key)
        hashes, places = shards[hashed % SHARDS]
        hashes.append(hashed)
        places.append(~offset if tombstone else offset)

    def take(self, message: Message) -> None:
        """Process a record, as `see` does."""
        self.see(
            message.partition() or 0,
            message.offset() or 0,
            message.key() or b"",
            tombstone=message.value() is None,
        )

    def move_to(self, index: OffsetIndex) -> None:
        """Move the survivors into an index, and drop the keys."""
        while self._partitions:
            partition, shards = self._partitions.popitem()
            alive = array("q")
            while shards:
                hashes, places = shards.pop()
                latest = dict(zip(hashes, places, strict=True))  # of equal ones, the last stays
                alive.extend(place for place in latest.values() if place >= 0)
            index.extend(partition, sorted(alive))


_Shard = tuple["array[int]", "array[int]"]
"""Hashes of keys with their offsets; a tombstone's offset is inverted, so negative."""
