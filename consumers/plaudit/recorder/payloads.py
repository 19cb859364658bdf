"""Keeper of events: reads those of a batch of attempts from Kafka, and stores them encrypted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from plaudit.kafka.errors import KafkaFailure
from plaudit.kafka.read.consumer import Partition
from plaudit.kafka.read.headers import readable_headers
from plaudit.kafka.read.range import BoundedReader, Span
from plaudit.kafka.read.record_reader import StoredRecord
from plaudit.kafka.settings import KafkaSettings
from plaudit.logs.logger import event_logger
from plaudit.logs.once_logger import OnceLogger
from plaudit.recorder.projector import Read
from plaudit.recorder.settings import DAY_MS
from plaudit.records.attempt import decode_attempt
from plaudit.records.codec import RecordError
from plaudit.records.times import wall_ms
from plaudit.store.log.payloads import PayloadKey, PayloadStore

_log = event_logger(__name__)

PATIENCE_S: Final = 5.0
"""Seconds to wait for silent brokers; the log waits meanwhile."""
WIDEST_GAP: Final = 500
"""Unwanted records between two wanted ones that are read in passing: a new start takes longer."""


class Origin(NamedTuple):
    """Place of an event's record."""

    partition: Partition
    offset: int


class PayloadKeeper:
    """Stores the events of attempts. One that can't be read is logged, and left out.

    Args:
        settings: connection to Kafka.
        store: takes the events.

    Raises:
        SettingsError: librdkafka rejects a property.
    """

    def __init__(self, settings: KafkaSettings, store: PayloadStore) -> None:
        group = f"{settings.names.prefix}reader"
        self._reader = BoundedReader(settings, group, patience_s=PATIENCE_S)
        self._store = store
        self._once = OnceLogger(_log)

    def keep(self, batch: Sequence[Read]) -> None:
        """Store the events of a batch that are not stored yet.

        Raises:
            DatabaseFailure: repeating the batch is harmless.
        """
        origins = origins_of(batch)
        wanted = self._store.missing(origins)
        if not wanted:
            return
        by_origin: dict[Origin, list[PayloadKey]] = {}
        for key in wanted:
            by_origin.setdefault(origins[key], []).append(key)
        found: dict[PayloadKey, StoredRecord] = {}
        try:
            for spans in rounds(by_origin):
                for origin, record in self._read(spans):
                    found |= dict.fromkeys(by_origin.get(origin, ()), record)
            self._once.recovered()
        except KafkaFailure as failure:
            self._once.failed("payloads.unavailable", failure)
        self._store.add(wall_ms() // DAY_MS, found)

    def close(self) -> None:
        """Close the connection."""
        self._reader.close()

    def _read(self, spans: Mapping[Partition, Span]) -> Iterator[tuple[Origin, StoredRecord]]:
        for message in self._reader.read(spans):
            partition = Partition(message.topic() or "", message.partition() or 0)
            record = StoredRecord(
                message.value() or b"",
                message.key(),
                readable_headers(message),
                message.timestamp()[1],
            )
            yield Origin(partition, message.offset() or 0), record


def origins_of(batch: Sequence[Read]) -> dict[PayloadKey, Origin]:
    """Return where the events of a batch are; records that can't be read are left out."""
    found: dict[PayloadKey, Origin] = {}
    for each in batch:
        try:
            attempt = decode_attempt(each.value)
        except RecordError:  # the projector has logged it
            continue
        place = Partition(attempt["origin_topic"], attempt["origin_partition"])
        key = PayloadKey(attempt["event_id"], attempt["workspace_id"])
        found[key] = Origin(place, attempt["origin_offset"])
    return found


def rounds(origins: Mapping[Origin, object]) -> Iterator[dict[Partition, Span]]:
    """Yield ranges that hold all places, one range of a partition at a time."""
    left: dict[Partition, list[Span]] = {}
    for place, offset in sorted(origins):
        spans = left.setdefault(place, [])
        if spans and offset - spans[-1][1] <= WIDEST_GAP:
            spans[-1] = spans[-1][0], offset + 1
        else:
            spans.append((offset, offset + 1))
    while left:
        yield {place: spans[0] for place, spans in left.items()}
        left = {place: spans[1:] for place, spans in left.items() if len(spans) > 1}
