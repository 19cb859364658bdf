"""Encoding of typed events as Kafka values."""

from __future__ import annotations

from functools import cache

from plaudit.events.avro.writer_codegen import Write, compile_writer
from plaudit.events.catalogue import EventType, type_of
from plaudit.events.decoding import CONFLUENT, SINGLE_OBJECT
from plaudit.events.models.event import EventModel


def encode(event: EventModel, *, schema_id: int | None = None) -> bytes:
    """Encode the event in Avro, framed so that any reader finds its schema.

    Args:
        event: validated by its constructor.
        schema_id: registry id for Confluent framing; None for single-object encoding.
    """
    event_type = type_of(event)
    return framed(event_type, schema_id) + writer_of(event_type)(event)


def framed(event_type: EventType, schema_id: int | None) -> bytes:
    """Return the framing before the body of an event of this type."""
    if schema_id is None:
        return SINGLE_OBJECT + event_type.fingerprint
    return confluent_head(schema_id)


def confluent_head(schema_id: int) -> bytes:
    """Return the Confluent framing for a schema id."""
    return bytes((CONFLUENT,)) + schema_id.to_bytes(4, "big")


@cache
def writer_of(event_type: EventType) -> Write:
    """Return the function that encodes the body of an event of this type."""
    return compile_writer(event_type.schema)
