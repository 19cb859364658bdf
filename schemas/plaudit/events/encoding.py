"""From a typed event to the bytes that travel through Kafka unchanged."""

from __future__ import annotations

import io
from functools import cache
from typing import Any, Final

import fastavro

from plaudit.events.catalogue import EventType, type_of
from plaudit.events.decoding import SINGLE_OBJECT
from plaudit.events.models.event import EventModel

_CONFLUENT: Final = b"\x00"


def encode(event: EventModel, *, schema_id: int | None = None) -> bytes:
    """Return the event in Avro, framed so that any reader finds its schema.

    Args:
        event: validated when it was made.
        schema_id: of a registry, for Confluent framing; None for single-object encoding.
    """
    event_type = type_of(event)
    out = io.BytesIO()
    if schema_id is None:
        out.write(SINGLE_OBJECT + event_type.fingerprint)
    else:
        out.write(_CONFLUENT + schema_id.to_bytes(4, "big"))
    # In Python mode: UUIDs, datetimes and decimals go in as what they are.
    fastavro.schemaless_writer(out, _parsed(event_type), event.model_dump())
    return out.getvalue()


@cache
def _parsed(event_type: EventType) -> Any:  # noqa: ANN401 - fastavro's own form of a schema
    return fastavro.parse_schema(dict(event_type.schema))
