"""In-memory index of the dead letters of one topic."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from plaudit.dlq.letters.letter import Letter, letter_of
from plaudit.kafka.errors import KafkaFailure
from plaudit.kafka.read.consumer import Partition
from plaudit.kafka.read.range import BoundedReader, Span
from plaudit.records.names import Header
from plaudit.runtime.gc_tuning import spare_cache

if TYPE_CHECKING:
    from confluent_kafka import Message

KEPT: Final = 50_000
"""Number of the newest letters to keep; with about 1.2 KB each, 60 MB."""
READ: Final = 4 * KEPT
"""Number of records that the first read covers, from the end of the topic; takes 2 to 3 s."""
FRESH_S: Final = 2.0
"""Time for which callers share one read of the topic."""
_ERROR_BYTES: Final = 300
_HEADERS: Final = frozenset(
    {
        "ce_id",
        "ce_type",
        "ce_subject",
        Header.DELIVERY_ID,
        Header.ENDPOINT_ID,
        Header.WORKSPACE_ID,
        Header.REASON,
        Header.ATTEMPT,
        Header.REDRIVES,
        Header.LAST_STATUS,
        Header.LAST_ERROR,
        Header.ORIGIN_TOPIC,
    }
)
_Place = tuple[int, bytes]
"""Partition and key of a letter."""


class LetterCache:
    """Letters by partition and key; a tombstone removes one.

    Attributes:
        is_cut: whether older letters are missing.
    """

    def __init__(self, most: int = KEPT) -> None:
        self.is_cut = False
        self._most = most
        self._letters: dict[_Place, Letter] = {}
        self._known: dict[bytes, bytes] = {}

    def process(self, message: Message) -> None:
        """Process a record; call it in log order within a partition."""
        place = message.partition() or 0, message.key() or b""
        if message.value() is None:
            self._letters.pop(place, None)
            return
        self.put(letter_of(message))

    def put(self, letter: Letter) -> None:
        """Add a letter, without its event and with the headers that lists need."""
        named = {name: self._shared(name, value) for name, value in letter.headers}
        kept = [(name, value) for name, value in named.items() if name in _HEADERS]
        self._letters[letter.partition, letter.key] = Letter(
            letter.key, letter.partition, letter.offset, letter.dead_at_ms, kept, b"",
            readable=letter.readable,
        )  # fmt: skip
        # Drop a tenth at a time, so that sorting costs little per letter.
        if len(self._letters) > self._most + self._most // 10:
            self._drop()

    def forget_before(self, first: Mapping[int, int]) -> None:
        """Remove letters that retention has removed from the topic.

        Args:
            first: first offset of each partition.
        """
        gone = [
            place
            for place, letter in self._letters.items()
            if letter.offset < first.get(letter.partition, 0)
        ]
        for place in gone:
            del self._letters[place]

    def newest_first(self) -> list[Letter]:
        """Return the letters, newest first."""
        return sorted(self._letters.values(), key=order_of, reverse=True)

    def _drop(self) -> None:
        kept = self.newest_first()[: self._most]
        self.is_cut = True
        self._letters = {(each.partition, each.key): each for each in reversed(kept)}
        self._known.clear()

    def _shared(self, name: str, value: bytes) -> bytes:
        """Return a shared object for equal values, except for ids of events and deliveries."""
        if name == Header.LAST_ERROR:
            value = value[:_ERROR_BYTES]
        if name in {"ce_id", "ce_subject", Header.DELIVERY_ID}:
            return value
        return self._known.setdefault(value, value)


def order_of(letter: Letter) -> tuple[int, int, int]:
    """Return a unique key that sorts letters by time."""
    return letter.dead_at_ms, letter.partition, letter.offset


class LetterIndex:
    """Letters of one topic; each call reads up to its end. Safe to use from any thread.

    Args:
        topic: dead-letter topic.
        open_reader: opens a reader of topics.
        clock: returns seconds.
    """

    def __init__(
        self,
        topic: str,
        open_reader: Callable[[], BoundedReader],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._topic = topic
        self._open = open_reader
        self._clock = clock
        self._lock = threading.Lock()
        self._reader: BoundedReader | None = None
        self._shelf = LetterCache()
        self._ends: dict[Partition, int] = {}
        self._looked_at: float | None = None
        self._letters: Sequence[Letter] = ()

    def letters(self) -> tuple[Sequence[Letter], bool]:
        """Return the letters, newest first, and whether older ones are missing.

        Raises:
            KafkaFailure: the brokers are unavailable or refuse.
        """
        with self._lock:
            now = self._clock()
            if self._looked_at is None or now - self._looked_at >= FRESH_S:
                self._follow()
                self._looked_at = self._clock()
            return self._letters, self._shelf.is_cut

    def close(self) -> None:
        """Close the connection."""
        with self._lock:
            self._close()

    def _follow(self) -> None:
        reader = self._reader or self._open()
        self._reader = reader
        try:
            bounds = reader.bounds(self._topic)
            if any(self._ends.get(each, 0) > high for each, (_, high) in bounds.items()):
                self._shelf, self._ends = LetterCache(), {}  # the topic was recreated
            most = READ // max(1, len(bounds))
            news = {each: self._news(each, span, most) for each, span in bounds.items()}
            for message in reader.read(news):
                self._shelf.process(message)
                # Not the end of the range, which may include records of an open transaction that
                # have to be read later.
                place = Partition(message.topic() or "", message.partition() or 0)
                self._ends[place] = (message.offset() or 0) + 1
        except KafkaFailure:
            self._close()
            raise
        self._shelf.forget_before({each.number: low for each, (low, _) in bounds.items()})
        self._letters = self._shelf.newest_first()
        if sum(high - low for low, high in news.values()) >= len(self._letters):
            spare_cache(len(self._letters))

    def _news(self, partition: Partition, span: Span, most: int) -> Span:
        low, high = span
        start = max(low, self._ends.get(partition, low))
        if high - start > most:
            self._shelf.is_cut, start = True, high - most
        return start, high

    def _close(self) -> None:
        if self._reader is not None:
            self._reader.close()
            self._reader = None
