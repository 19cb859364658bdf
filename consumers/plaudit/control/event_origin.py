"""Events in Kafka, read at the position that the delivery log has of them.

A position holds in one cluster only. After a failover to a mirror, another record may be there. So
an event counts as found only if its id is the one that was delivered.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from plaudit.events.decoding import Event, SchemaUnknown, Undecodable
from plaudit.kafka.read.record_reader import RecordReader, StoredRecord
from plaudit.kafka.schemas.late_decoder import LateDecoder
from plaudit.store.log.queries import Attempt

GONE: Final = "past retention: the event itself is gone"


class EventSource(NamedTuple):
    """Events in Kafka.

    Attributes:
        reader: reads them at their offsets.
        decoder: decodes them, whatever their schema.
    """

    reader: RecordReader
    decoder: LateDecoder


class FoundEvent(NamedTuple):
    """Result of a look-up.

    Attributes:
        record: the event's record; None if it is gone, or if another one is in its place.
        event: decoded; None if that is impossible.
        problem: why there is no record or no event; None if both were found.
    """

    record: StoredRecord | None
    event: Event | None
    problem: str | None


def place_of(attempt: Attempt) -> str:
    """Return the position of an attempt's event, for people."""
    return f"{attempt.origin_topic}[{attempt.origin_partition}]@{attempt.origin_offset}"


def find_event(source: EventSource, attempt: Attempt) -> FoundEvent:
    """Look up the event of an attempt.

    Raises:
        KafkaFailure: the brokers are unavailable or refuse.
    """
    record = source.reader.read(
        attempt.origin_topic, attempt.origin_partition, attempt.origin_offset
    )
    if record is None:
        return FoundEvent(None, None, GONE)
    event, problem = None, None
    try:
        event = source.decoder.decode(record.value, lambda: record.headers)
    except (Undecodable, SchemaUnknown) as error:
        problem = str(error)
    if _id_of(record, event) == attempt.event_id:
        return FoundEvent(record, event, problem)
    other = f"another record is at {place_of(attempt)}: Kafka was replaced, or the topic was"
    return FoundEvent(None, None, other)


def _id_of(record: StoredRecord, event: Event | None) -> str | None:
    """Return the id of the event in a record; of one that can't be decoded, by its header."""
    if event is not None:
        return event.event_id
    named = dict(record.headers).get("ce_id")
    return None if named is None else named.decode("utf-8", "replace")
