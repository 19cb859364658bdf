"""Conversion of a typed event into a record: pure, shared by both publishers."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, NamedTuple

from plaudit.events.avro.json_fast_path import JsonWritten
from plaudit.events.avro.writer_codegen import Write
from plaudit.events.catalogue import EventType, type_of
from plaudit.events.cloudevents import Header, Headers, attributes, headers, shared
from plaudit.events.encoding import framed, writer_of
from plaudit.events.models.event import EventModel
from plaudit.publish.errors import EventTooLarge, OptionRefused
from plaudit.publish.trace import PublishSpan
from plaudit.records.names import Names
from plaudit.records.trace_context import TraceContext, kafka_headers

MOST_BYTES: Final = 512 * 1024
"""Maximum size of an event's value. Retries add headers, and all topics accept that much."""
DEFAULT_SOURCE: Final = "/plaudit/publisher"

_TRANSACTIONAL_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,100}")
# RFC 3986 characters; others could break systems that log or forward the header.
_SOURCE: Final = re.compile(r"[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]{1,512}")

SchemaId = Callable[[EventType], int | None]


class Prepared(NamedTuple):
    """A record that can be sent.

    It is a named tuple, not a dataclass: it is created for every event, and costs a third.

    Attributes:
        span: ended when the brokers have answered; None without OpenTelemetry.
    """

    topic: str
    key: bytes
    value: bytes
    headers: Headers
    span: PublishSpan | None = None


@dataclass(frozen=True, slots=True)
class RecordTemplate:
    """Common parts of the records of one event type from one publisher.

    Attributes:
        head: framing before the event's body.
        kind: the header `ce_type`.
        origin: the header `ce_source`.
        write: encodes the body.
    """

    type: EventType
    topic: str
    head: bytes
    kind: Header
    origin: Header
    write: Write

    def record(self, event: EventModel, trace: TraceContext | None) -> Prepared:
        """Return the record of an event of this type; see `prepare`."""
        value = self.head + self.write(event)
        if len(value) > MOST_BYTES:
            raise EventTooLarge(self.type.name, len(value), MOST_BYTES)
        key = self.type.key_of(event)
        given = headers(event, key, self.kind, self.origin)
        if trace is not None:
            given += kafka_headers(trace)
        return Prepared(self.topic, key, value, given)


def form_of(
    event_type: EventType, names: Names, source: str, schema_id: int | None = None
) -> RecordTemplate:
    """Return the common parts of a type's records.

    Args:
        event_type: the event type.
        names: names of the topics.
        source: value of `ce_source`.
        schema_id: id of the type's schema, with a registry.
    """
    return RecordTemplate(
        event_type,
        names.event_topic(event_type.entity),
        framed(event_type, schema_id),
        *shared(event_type.name, source),
        writer_of(event_type),
    )


def prepare(
    event: EventModel,
    names: Names,
    source: str,
    trace: TraceContext | None = None,
    schema_id: int | None = None,
) -> Prepared:
    """Return the record of an event: topic and key from the catalogue, CloudEvents headers.

    Args:
        event: the event, validated by its constructor.
        names: names of the topics.
        source: value of `ce_source`.
        trace: W3C trace context.
        schema_id: id of the event's schema, with a registry.

    Raises:
        EventTooLarge: the event exceeds 512 KiB.
    """
    return form_of(type_of(event), names, source, schema_id).record(event, trace)


def prepare_written(
    event: JsonWritten,
    names: Names,
    source: str,
    schema_id: int | None = None,
    trace: TraceContext | None = None,
) -> Prepared:
    """Return the record of an event that was encoded straight from JSON.

    Raises:
        EventTooLarge: the event exceeds 512 KiB.
    """
    value = sized(event.type, framed(event.type, schema_id) + event.body)
    key = event.key.encode()
    given = attributes(
        event.type.name,
        source,
        event_id=event.event_id.encode(),
        moment=event.occurred_at.encode(),
        subject=key,
    )
    given += kafka_headers(trace)
    return Prepared(names.event_topic(event.type.entity), key, value, given)


def sized(event_type: EventType, value: bytes) -> bytes:
    """Return an event's value.

    Raises:
        EventTooLarge: the event exceeds 512 KiB.
    """
    if len(value) > MOST_BYTES:
        raise EventTooLarge(event_type.name, len(value), MOST_BYTES)
    return value


def checked_source(source: str) -> str:
    """Validate a `ce_source` header.

    Raises:
        OptionRefused: the value is not a URI reference.
    """
    if _SOURCE.fullmatch(source) is None:
        option = "source"
        raise OptionRefused(option, f"{source!r} is not a URI reference such as /services/reviews")
    return source


def checked_transactional_id(name: str) -> str:
    """Return the transactional id of a publisher.

    Raises:
        OptionRefused: the name is not valid.
    """
    if _TRANSACTIONAL_ID.fullmatch(name) is None:
        option = "transactional_id"
        reason = f"{name!r}: 1 to 100 letters, digits, dots, dashes and underscores"
        raise OptionRefused(option, reason)
    return name
