"""Search in Kafka for events without attempt records, which matched no endpoint."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from uuid import UUID

from plaudit.events.entity import Entity
from plaudit.kafka.read.consumer import Partition
from plaudit.kafka.read.headers import Headers, readable_headers
from plaudit.kafka.read.range import BoundedReader
from plaudit.kafka.settings import KafkaSettings
from plaudit.store.endpoints.spec import uuid_text

if TYPE_CHECKING:
    from confluent_kafka import Message

BEFORE_MS: Final = 60_000
AFTER_MS: Final = 3_600_000
"""Default search window around the time in an event's id.

It begins a minute earlier, as clocks differ, and ends an hour later, as an outbox may be delayed.
"""
_TIMED_VERSION: Final = 7
_ID_AND_SUBJECT: Final = ("ce_id", "ce_subject")


@dataclass(frozen=True, slots=True)
class PlacedEvent:
    """An event's record and its position."""

    topic: str
    partition: int
    offset: int
    timestamp_ms: int
    value: bytes
    headers: Headers


Window = tuple[int, int]
"""Start and end in epoch milliseconds."""


def window_of(some_id: str) -> Window | None:
    """Return the search window for an event's id, if it contains a time (UUID version 7).

    Raises:
        InputRefused: the text is not an id.
    """
    made = UUID(uuid_text("id", some_id))
    if made.version != _TIMED_VERSION:
        return None
    made_ms = made.int >> 80
    return made_ms - BEFORE_MS, made_ms + AFTER_MS


def find_events(settings: KafkaSettings, some_id: str, window: Window) -> Iterator[PlacedEvent]:
    """Yield events with this id, or about an entity with this id, from a window.

    Raises:
        KafkaFailure: the brokers are unavailable or refuse.
    """
    wanted = some_id.lower().encode()
    with BoundedReader(settings, f"{settings.names.prefix}trace") as reader:
        for entity in Entity:
            spans = reader.spans(settings.names.event_topic(entity))
            if not spans:
                continue
            starts, ends = (reader.at_time(spans, moment) for moment in window)
            chosen = {
                each: (start, ends.get(each, spans[each][1])) for each, start in starts.items()
            }
            for message in reader.read(chosen):
                headers = readable_headers(message)
                if _is_about(headers, wanted):
                    yield _placed(message, headers)


def _is_about(headers: Headers, wanted: bytes) -> bool:
    return any(name in _ID_AND_SUBJECT and value == wanted for name, value in headers)


def _placed(message: Message, headers: Headers) -> PlacedEvent:
    place = Partition(message.topic() or "", message.partition() or 0)
    offset, value = message.offset() or 0, message.value() or b""
    return PlacedEvent(*place, offset, message.timestamp()[1], value, headers)
