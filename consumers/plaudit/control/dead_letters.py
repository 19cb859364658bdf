"""Dead letters for the API and the console: counts, pages, single letters and exports."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from plaudit.control.letter_index import LetterIndex, order_of
from plaudit.dlq.job.export import line_of
from plaudit.dlq.letters.filters import LetterFilter
from plaudit.dlq.letters.histogram import Histogram
from plaudit.dlq.letters.letter import RETENTION_MS, Kind, Letter, decoded
from plaudit.dlq.letters.reader import SOON_MS, Letters
from plaudit.kafka.read.range import BoundedReader
from plaudit.kafka.read.record_reader import RecordReader
from plaudit.kafka.settings import KafkaSettings
from plaudit.records.names import Header
from plaudit.store.endpoints.spec import InputRefused

LETTERS_PAGE: Final = 50
PATIENCE_S: Final = 5.0
HOUR_MS: Final = 3_600_000
AGES: Final[Mapping[str, int]] = {"1h": HOUR_MS, "24h": 24 * HOUR_MS, "7d": 168 * HOUR_MS}
"""Age groups of the counts."""
OLDER: Final = "older"


class NoSuchLetter(LookupError):
    """The id of a dead letter is unknown."""

    def __init__(self, letter_id: str) -> None:
        super().__init__(f"no dead letter {letter_id}; it was redriven or purged, or has expired")


@dataclass(frozen=True, slots=True)
class LetterCounts:
    """Counts of matching letters.

    Attributes:
        total: number of all of them.
        by: numbers by `reason`, `endpoint`, `type`, `topic`, `day` and `age`.
        expiring: letters that retention removes within three days.
        complete: whether the counts include the oldest letters.
    """

    total: int
    by: Mapping[str, Mapping[str, int]]
    expiring: int
    complete: bool


@dataclass(frozen=True, slots=True)
class LetterPage:
    """Letters, newest first; `cursor` is the start of the next page, None on the last one."""

    letters: Sequence[Letter]
    cursor: str | None


@dataclass(frozen=True, slots=True)
class FoundLetter:
    """One letter, with its headers.

    Attributes:
        event: the event as subscribers see it, or why it can't be read.
    """

    letter: Letter
    event: str


class DeadLetters:
    """Reads dead letters; safe to use from any thread.

    Args:
        settings: connection to Kafka.
        reader: reader of single records.
    """

    def __init__(self, settings: KafkaSettings, reader: RecordReader) -> None:
        self._settings = settings
        self._records = reader
        group = f"{settings.names.prefix}dlq.reader"
        opening = partial(BoundedReader, settings, group, patience_s=PATIENCE_S)
        self._indexes = {kind: LetterIndex(kind.topic(settings.names), opening) for kind in Kind}

    def count(self, kind: Kind, wanted: LetterFilter, now_ms: int) -> LetterCounts:
        """Count the letters that match.

        Raises:
            KafkaFailure: the brokers are unavailable or refuse.
        """
        letters, is_cut = self.letters(kind)
        return replace(counted(filter(wanted.takes, letters), now_ms), complete=not is_cut)

    def page(
        self, kind: Kind, wanted: LetterFilter, cursor: str | None, limit: int = LETTERS_PAGE
    ) -> LetterPage:
        """Return a page of letters, newest first.

        Raises:
            InputRefused: the cursor is invalid.
            KafkaFailure: the brokers are unavailable or refuse.
        """
        letters, _ = self.letters(kind)
        return page_of(filter(wanted.takes, letters), cursor, limit)

    def find(self, kind: Kind, letter_id: str, workspace_id: str | None) -> FoundLetter:
        """Return a letter with its event and all headers.

        Raises:
            NoSuchLetter: the id is unknown, or belongs to another workspace.
            KafkaFailure: the brokers are unavailable or refuse.
        """
        letters, _ = self.letters(kind)
        known = next((each for each in letters if each.id == letter_id), None)
        if known is None or not _belongs(known, workspace_id):
            raise NoSuchLetter(letter_id)
        read_full = self.read_full(kind, known)
        if read_full is None:
            raise NoSuchLetter(letter_id)
        return FoundLetter(read_full, decoded(read_full))

    def export(self, kind: Kind, wanted: LetterFilter) -> Iterator[str]:
        """Yield matching letters as lines of JSON, read from the topic.

        Raises:
            KafkaFailure: the brokers are unavailable or refuse.
        """
        with Letters(self._settings, kind) as letters:
            for each in letters.read():
                if wanted.takes(each):
                    yield line_of(each, kind) + "\n"

    def letters(self, kind: Kind) -> tuple[Sequence[Letter], bool]:
        """Return the letters, newest first, and whether older ones are missing.

        Raises:
            KafkaFailure: the brokers are unavailable or refuse.
        """
        return self._indexes[kind].letters()

    def read_full(self, kind: Kind, known: Letter) -> Letter | None:
        """Return a letter with its event and all headers; None if the topic lacks it.

        Raises:
            KafkaFailure: the brokers are unavailable or refuse.
        """
        topic = kind.topic(self._settings.names)
        record = self._records.read(topic, known.partition, known.offset)
        if record is None:
            return None
        return Letter(
            known.key, known.partition, known.offset, known.dead_at_ms, record.headers,
            record.value, readable=known.readable,
        )  # fmt: skip

    def close(self) -> None:
        """Close the connections."""
        for index in self._indexes.values():
            index.close()


def counted(letters: Iterable[Letter], now_ms: int) -> LetterCounts:
    """Count letters."""
    histogram, expiring = Histogram(), 0
    ages = dict.fromkeys([*AGES, OLDER], 0)
    for each in letters:
        histogram.add(each)
        age_ms = now_ms - each.dead_at_ms
        expiring += age_ms > RETENTION_MS - SOON_MS
        ages[next((name for name, bound in AGES.items() if age_ms < bound), OLDER)] += 1
    counts = {**histogram.counts(), "age": ages}
    return LetterCounts(histogram.total, counts, expiring, complete=True)


def page_of(letters: Iterable[Letter], cursor: str | None, limit: int) -> LetterPage:
    """Return a page of letters, which must be sorted newest first.

    Raises:
        InputRefused: the cursor is invalid.
    """
    before = None if cursor is None else _place_of(cursor)
    found: list[Letter] = []
    for each in letters:
        if before is not None and order_of(each) >= before:
            continue
        if len(found) == limit:
            return LetterPage(found, ".".join(map(str, order_of(found[-1]))))
        found.append(each)
    return LetterPage(found, None)


def _place_of(cursor: str) -> tuple[int, int, int]:
    parts = cursor.split(".")
    if len(parts) != 3 or not all(each.isdigit() and len(each) < 20 for each in parts):  # noqa: PLR2004 - a time, a partition and an offset
        raise InputRefused("cursor", "not the cursor of a page")
    at_ms, number, offset = map(int, parts)
    return at_ms, number, offset


def _belongs(letter: Letter, workspace_id: str | None) -> bool:
    return workspace_id is None or letter.text(Header.WORKSPACE_ID) == workspace_id
