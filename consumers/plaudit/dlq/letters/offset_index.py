"""Index of the letters that a scan found, by offset.

A tombstone follows its letter, so a letter's state is known only at the end of its partition.
`Survivors` stores 16 bytes per record during the first pass. The result is an `OffsetIndex` with
8 bytes per letter, with which a second pass finds the letters.
"""

from __future__ import annotations

from array import array
from collections.abc import Collection, Iterator, Mapping
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from confluent_kafka import Message

SHARDS: Final = 64
"""Number of parts that are processed one at a time, which keeps the hash table small."""


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
    """Cursor that checks in an ascending pass whether the index has an offset."""

    def __init__(self, offsets: Mapping[int, array[int]]) -> None:
        self._offsets = offsets
        self._next = dict.fromkeys(offsets, 0)

    def takes(self, partition: int, offset: int) -> bool:
        """Return whether the index has this offset; offsets must ascend in a partition."""
        offsets = self._offsets.get(partition)
        if offsets is None:
            return False
        place, end = self._next[partition], len(offsets)
        while place < end and offsets[place] < offset:  # removed by compaction or retention
            place += 1
        self._next[partition] = place
        return place < end and offsets[place] == offset


class Survivors:
    """Letters that survive a scan: the latest record of each key counts.

    It stores a 64-bit hash of each key. If two keys of a partition collide (with ten million
    letters, once in two million scans), the scan misses the earlier letter. The next run finds it,
    because Python salts its hashes in every process.
    """

    def __init__(self) -> None:
        self._partitions: dict[int, list[_Shard]] = {}

    def add(self, partition: int, offset: int, key: bytes, *, tombstone: bool) -> None:
        """Process a record; a tombstone removes earlier letters of its key."""
        shards = self._partitions.get(partition)
        if shards is None:
            shards = self._partitions[partition] = [(array("q"), array("q")) for _ in range(SHARDS)]
        hashed = hash(key)
        hashes, places = shards[hashed % SHARDS]
        hashes.append(hashed)
        places.append(~offset if tombstone else offset)

    def add_message(self, message: Message) -> None:
        """Process a record, as `add` does."""
        self.add(
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
                latest = dict(zip(hashes, places, strict=True))  # of equal keys, the last one stays
                alive.extend(place for place in latest.values() if place >= 0)
            index.extend(partition, sorted(alive))


_Shard = tuple["array[int]", "array[int]"]
"""Hashes of keys with their offsets; a tombstone's offset is inverted, so negative."""
