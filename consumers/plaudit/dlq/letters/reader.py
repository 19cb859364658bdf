"""Reader of dead letters, in two passes up to the current ends of the topic."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from plaudit.dlq.letters.letter import RETENTION_MS, Kind, Letter, letter_of
from plaudit.dlq.letters.offset_index import OffsetIndex, Survivors
from plaudit.kafka.read.consumer import Partition
from plaudit.kafka.read.range import BoundedReader, Span
from plaudit.kafka.settings import KafkaSettings

if TYPE_CHECKING:
    from typing import Self

SOON_MS: Final = 3 * 24 * 3_600_000
AT_ONCE: Final = 2_000_000
"""Approximate number of records in memory at once, with 16 bytes each.

Partitions with fewer records are read together, larger ones alone.
"""


class Letters:
    """Reads a dead-letter topic; joins no group and changes nothing.

    Args:
        settings: connection to Kafka.
        kind: kind of dead letters.

    Raises:
        SettingsError: librdkafka rejects a property.
    """

    def __init__(self, settings: KafkaSettings, kind: Kind) -> None:
        self.topic = kind.topic(settings.names)
        self._reader = BoundedReader(settings, f"{settings.names.prefix}dlq.reader")

    def alive(self) -> OffsetIndex:
        """Find every letter without a tombstone, up to the current ends.

        Raises:
            KafkaFailure: the brokers are unavailable or refuse.
        """
        index = OffsetIndex()
        for spans in rounds(self._reader.spans(self.topic), AT_ONCE):
            survivors = Survivors()
            for message in self._reader.read(spans):
                survivors.add_message(message)
            survivors.move_to(index)
        return index

    def read(self, index: OffsetIndex | None = None) -> Iterator[Letter]:
        """Yield the letters of an index, in log order; without an index, all letters.

        Raises:
            KafkaFailure: the brokers are unavailable or refuse.
        """
        wanted = self.alive() if index is None else index
        walk = wanted.walk()
        spans = {Partition(self.topic, number): span for number, span in wanted.spans.items()}
        for message in self._reader.read(spans):
            if walk.takes(message.partition() or 0, message.offset() or 0):
                yield letter_of(message)

    def find(self, key: str) -> Letter | None:
        """Return the letter with this key, or None; of several, that of the first partition.

        Raises:
            KafkaFailure: the brokers are unavailable or refuse.
        """
        wanted = key.encode()
        survivors, index = Survivors(), OffsetIndex()
        for message in self._reader.read(self._reader.spans(self.topic)):
            if message.key() == wanted:
                survivors.add_message(message)
        survivors.move_to(index)
        return next(self.read(index), None)

    def removals(self, prefix: str) -> Mapping[str, int]:
        """Return when letters were removed whose key begins with a prefix, in epoch milliseconds.

        Compaction drops tombstones after some time, so this is for recent ones.

        Raises:
            KafkaFailure: the brokers are unavailable or refuse.
        """
        wanted = prefix.encode()
        found: dict[str, int] = {}
        for message in self._reader.read(self._reader.spans(self.topic)):
            key = message.key() or b""
            if not key.startswith(wanted):
                continue
            if message.value() is None:
                found[key.decode("utf-8", "replace")] = message.timestamp()[1]
            else:
                found.pop(key.decode("utf-8", "replace"), None)
        return found

    def close(self) -> None:
        """Close the connection."""
        self._reader.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def rounds(spans: Mapping[Partition, Span], most: int) -> Iterator[dict[Partition, Span]]:
    """Yield groups of partitions with at most this many offsets; larger partitions alone."""
    together: dict[Partition, Span] = {}
    size = 0
    for partition, (start, end) in spans.items():
        if together and size + end - start > most:
            yield together
            together, size = {}, 0
        together[partition] = start, end
        size += end - start
    if together:
        yield together


@dataclass(frozen=True, slots=True)
class Census:
    """Numbers of letters.

    Attributes:
        alive: letters without a tombstone.
        expiring: those of them that retention removes within 3 days.
    """

    alive: int
    expiring: int


def count(settings: KafkaSettings, kind: Kind, now_ms: int) -> Census:
    """Count the letters of one kind.

    Raises:
        KafkaFailure: the brokers are unavailable or refuse.
    """
    alive = expiring = 0
    with Letters(settings, kind) as letters:
        for letter in letters.read():
            alive += 1
            expiring += letter.dead_at_ms + RETENTION_MS - now_ms < SOON_MS
    return Census(alive, expiring)
