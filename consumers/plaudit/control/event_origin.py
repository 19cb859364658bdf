"""Events, read from Kafka at their positions in the delivery log, or from the database.

A position is valid in one cluster only. After a failover to a mirror, it may point to another
record. So the event's id must match the delivered one.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from plaudit.endpoints.keys import CannotOpen
from plaudit.events.decoding import Event, SchemaUnknown, Undecodable
from plaudit.kafka.read.record_reader import RecordReader, StoredRecord
from plaudit.kafka.schemas.late_decoder import LateDecoder
from plaudit.store.log.payloads import PayloadStore
from plaudit.store.log.queries import Attempt

GONE: Final = "past retention: the event itself is gone"


class EventSource(NamedTuple):
    """Events in Kafka, and those in the database.

    Attributes:
        reader: reads records at their offsets.
        decoder: decodes events of any schema.
        stored: events in the database, for those that Kafka has no more; None: not looked for.
    """

    reader: RecordReader
    decoder: LateDecoder
    stored: PayloadStore | None = None


class FoundEvent(NamedTuple):
    """Result of a look-up.

    Attributes:
        record: the event's record; None if it is gone, or another record has its position.
        event: the decoded event; None if it can't be decoded.
        problem: why the record or the event is None; None if both were found.
        is_stored: whether it is from the database.
    """

    record: StoredRecord | None
    event: Event | None
    problem: str | None
    is_stored: bool = False


def place_of(attempt: Attempt) -> str:
    """Return the position of an attempt's event as text."""
    return f"{attempt.origin_topic}[{attempt.origin_partition}]@{attempt.origin_offset}"


def find_event(source: EventSource, attempt: Attempt) -> FoundEvent:
    """Look up the event of an attempt: in Kafka, then in the database.

    Raises:
        KafkaFailure: the brokers are unavailable or refuse.
        DatabaseFailure: the database is unavailable.
    """
    found = _in_kafka(source, attempt)
    if found.record is not None or source.stored is None:
        return found
    try:
        record = source.stored.find(attempt.event_id, attempt.workspace_id)
    except CannotOpen as error:
        problem = f"{found.problem}; the stored event can't be decrypted: {error}"
        return FoundEvent(None, None, problem)
    if record is None:
        return found
    stored = _checked(source, attempt, record)
    return found if stored is None else stored._replace(is_stored=True)


def _in_kafka(source: EventSource, attempt: Attempt) -> FoundEvent:
    record = source.reader.read(
        attempt.origin_topic, attempt.origin_partition, attempt.origin_offset
    )
    if record is None:
        return FoundEvent(None, None, GONE)
    other = f"another record is at {place_of(attempt)}: the cluster or the topic was replaced"
    return _checked(source, attempt, record) or FoundEvent(None, None, other)


def _checked(source: EventSource, attempt: Attempt, record: StoredRecord) -> FoundEvent | None:
    """Return the event in a record; None if it is not the event of the attempt."""
    event, problem = None, None
    try:
        event = source.decoder.decode(record.value, lambda: record.headers)
    except (Undecodable, SchemaUnknown) as error:
        problem = str(error)
    if _id_of(record, event) == attempt.event_id:
        return FoundEvent(record, event, problem)
    return None


def _id_of(record: StoredRecord, event: Event | None) -> str | None:
    """Return the id of the event in a record; if it can't be decoded, from its header."""
    if event is not None:
        return event.event_id
    named = dict(record.headers).get("ce_id")
    return None if named is None else named.decode("utf-8", "replace")
