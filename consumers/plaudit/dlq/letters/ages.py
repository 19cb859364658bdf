"""Age of the oldest dead letter of each topic, and the time until retention removes it."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Final, NamedTuple

from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from plaudit.dlq.letters.letter import RETENTION_MS, Kind
from plaudit.dlq.letters.offset_index import OffsetIndex
from plaudit.dlq.letters.reader import Letters
from plaudit.kafka.admin.client import Admin, TopicState
from plaudit.kafka.errors import NotAuthorized
from plaudit.kafka.read.log_offsets import LogOffsets
from plaudit.kafka.settings import KafkaSettings
from plaudit.records.times import wall_ms
from plaudit.runtime.metrics.common import metric_of
from plaudit.runtime.metrics.others import EXPIRE, OLDEST_LETTER

LOOK_EVERY_S: Final = 60.0
NEAR_MS: Final = 4 * 24 * 3_600_000
"""Time before expiry from which the age has to be exact. Until then, the age of the oldest record
is enough, even without a letter: it costs one request, and the exact age a read of the topic."""
EXACT_EVERY_S: Final = 3_600.0
FOR_EVER_MS: Final = 1_000 * 365 * 24 * 3_600_000
"""A thousand years, for a topic without retention."""


class LetterAge(NamedTuple):
    """Times of a topic's oldest letter, in epoch milliseconds.

    Attributes:
        dead_ms: when the letter was written.
        expires_ms: when retention may remove it.
    """

    dead_ms: int
    expires_ms: int


class LetterAges:
    """Measures the oldest dead letters; `look` belongs to one thread, any thread may read `found`.

    Args:
        settings: connection to Kafka.
        now_ms: epoch milliseconds.
        monotonic: seconds.

    Attributes:
        found: ages by topic, without topics that have no letters.
    """

    def __init__(
        self,
        settings: KafkaSettings,
        now_ms: Callable[[], int] = wall_ms,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._now_ms = now_ms
        self._monotonic = monotonic
        self._admin = Admin(settings)
        self._offsets = LogOffsets(settings)
        self._exact: dict[Kind, tuple[float, int | None]] = {}
        self.found: Mapping[str, LetterAge] = {}

    @property
    def now_ms(self) -> int:
        """Epoch milliseconds."""
        return self._now_ms()

    def look(self) -> None:
        """Measure both topics.

        Raises:
            KafkaFailure: the brokers are unavailable, or this user may not read the letters.
        """
        topics = {kind: kind.topic(self._settings.names) for kind in Kind}
        kept_ms = self._retentions(topics.values())
        self.found, found = {}, {}
        for kind, topic in topics.items():
            oldest_ms = self._oldest_record(topic)
            if oldest_ms is None:
                continue
            if oldest_ms + kept_ms[topic] - self._now_ms() < NEAR_MS:
                oldest_ms = self._oldest_letter(kind)
            if oldest_ms is not None:
                found[topic] = LetterAge(oldest_ms, oldest_ms + kept_ms[topic])
        self.found = found

    def _retentions(self, topics: Collection[str]) -> dict[str, int]:
        """Return the retention of each topic in milliseconds."""
        states = self._admin.describe(topics)
        return {topic: _retention(states[topic]) for topic in topics}

    def _oldest_record(self, topic: str) -> int | None:
        """Return when the oldest record was appended, whatever record it is."""
        places = self._offsets.after(dict.fromkeys(self._offsets.partitions([topic]), 0))
        return min((each.timestamp_ms for each in places.values() if each), default=None)

    def _oldest_letter(self, kind: Kind) -> int | None:
        """Return when the oldest letter without a tombstone was written; reads once an hour."""
        known = self._exact.get(kind)
        now_s = self._monotonic()
        if known is None or now_s >= known[0] + EXACT_EVERY_S:
            known = self._exact[kind] = (now_s, oldest_letter(self._settings, kind))
        return known[1]


def _retention(state: TopicState | NotAuthorized | None) -> int:
    if not isinstance(state, TopicState) or isinstance(state.config, NotAuthorized):
        return RETENTION_MS
    kept_ms = int(state.config.get("retention.ms", RETENTION_MS))
    return kept_ms if kept_ms >= 0 else FOR_EVER_MS


def oldest_letter(settings: KafkaSettings, kind: Kind) -> int | None:
    """Read all letters; return when the oldest was written, or None without letters.

    Raises:
        KafkaFailure: the brokers are unavailable or refuse.
    """
    with Letters(settings, kind) as letters:
        heads = OffsetIndex()
        for partition, (first, _) in letters.alive().spans.items():
            heads.add(partition, first)
        return min((each.dead_at_ms for each in letters.read(heads)), default=None)


class LetterAgesCollector(Collector):
    """Collector of dead letters' ages.

    Args:
        ages: source of the measurements.
    """

    def __init__(self, ages: LetterAges) -> None:
        self._ages = ages

    def collect(self) -> Iterator[Metric]:
        """Yield every metric."""
        now_ms, found = self._ages.now_ms, self._ages.found
        old = {(topic,): (now_ms - each.dead_ms) / 1_000 for topic, each in found.items()}
        left = {(topic,): (each.expires_ms - now_ms) / 1_000 for topic, each in found.items()}
        yield metric_of(OLDEST_LETTER, old)
        yield metric_of(EXPIRE, left)
