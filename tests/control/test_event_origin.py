"""An event is found at the position in the log only if it is still there."""

from __future__ import annotations

import uuid
from typing import cast

import pytest

from attempts import attempt
from plaudit.control.event_origin import GONE, EventSource, FoundEvent, find_event
from plaudit.events.encoding import encode
from plaudit.events.examples import example
from plaudit.kafka.read.record_reader import RecordReader, StoredRecord
from plaudit.kafka.schemas.late_decoder import LateDecoder
from plaudit.kafka.settings import KafkaSettings
from plaudit.records.attempt import decode_attempt, encode_attempt
from plaudit.store.log.queries import Attempt

AWAY = KafkaSettings(bootstrap_servers="127.0.0.1:1")
EVENT = example("testimonial.approved")
ID = str(EVENT.meta.event_id)
OTHER = str(uuid.uuid4())


class Log:
    """Has one record, or none."""

    def __init__(self, record: StoredRecord | None) -> None:
        self._record = record

    def read(self, *_: object) -> StoredRecord | None:
        return self._record


def find(record: StoredRecord | None, event_id: str) -> FoundEvent:
    """Look up the event of an attempt."""
    source = EventSource(cast("RecordReader", Log(record)), LateDecoder(AWAY))
    made = Attempt(**decode_attempt(encode_attempt(attempt(event_id=event_id))))
    return find_event(source, made)


def stored(value: bytes, *headers: tuple[str, bytes]) -> StoredRecord:
    """Return a record."""
    return StoredRecord(value, b"key", list(headers), 0)


def test_an_event_at_its_position_is_found() -> None:
    found = find(stored(encode(EVENT)), ID)
    assert found.event is not None
    assert (found.event.event_id, found.problem) == (ID, None)


def test_an_event_past_retention_is_gone() -> None:
    assert find(None, ID) == FoundEvent(None, None, GONE)


@pytest.mark.parametrize(
    "record",
    [
        stored(encode(EVENT)),
        stored(b"unreadable", ("ce_id", ID.encode())),
        stored(b"unreadable"),
    ],
    ids=["another event", "another id in the header", "without any id"],
)
def test_another_record_at_the_position_is_not_taken_for_the_event(record: StoredRecord) -> None:
    found = find(record, OTHER)
    assert (found.record, found.event) == (None, None)
    assert "another record is at plaudit.testimonials[3]@4711" in str(found.problem)


def test_an_event_that_cannot_be_decoded_is_known_by_its_header() -> None:
    found = find(stored(b"unreadable", ("ce_id", ID.encode())), ID)
    assert found.record is not None
    assert found.event is None
    assert found.problem
