"""From a typed event to the record that is sent: pure, the same for both publishers."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from plaudit.events.catalogue import EventType, type_of
from plaudit.events.cloudevents import attributes, headers
from plaudit.events.encoding import encode, framed
from plaudit.events.from_json import Written
from plaudit.events.models.event import EventModel
from plaudit.publish.errors import EventTooLarge, OptionRefused
from plaudit.records.names import Names

MOST_BYTES: Final = 512 * 1024
"""Of an event's value: a retry adds headers, and every topic on its way takes that much."""
DEFAULT_SOURCE: Final = "/plaudit/publisher"

_TRANSACTIONAL_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,100}")
# RFC 3986 characters; a header with others would break whoever logs or forwards it.
_SOURCE: Final = re.compile(r"[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]{1,512}")
_TRACEPARENT: Final = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")

Headers = list[tuple[str, bytes]]
SchemaId = Callable[[EventType], int | None]


@dataclass(frozen=True, slots=True)
class Prepared:
    """A record that can be sent."""

    topic: str
    key: bytes
    value: bytes
    headers: Headers


def prepare(
    event: EventModel,
    names: Names,
    source: str,
    traceparent: str | None = None,
    schema_id: int | None = None,
) -> Prepared:
    """Return the record of an event: topic and key from the catalogue, CloudEvents headers.

    Args:
        event: validated when it was made.
        names: of the topics.
        source: `ce_source`.
        traceparent: W3C trace context.
        schema_id: with a registry, the id of the event's schema.

    Raises:
        EventTooLarge: over 512 KiB.
        OptionRefused: `source` or `traceparent` can't be a header.
    """
    if traceparent is not None and _TRACEPARENT.fullmatch(traceparent) is None:
        option = "traceparent"
        raise OptionRefused(option, "not of the form 00-<32 hex>-<16 hex>-01 (W3C Trace Context)")
    event_type = type_of(event)
    value = sized(event_type, encode(event, schema_id=schema_id))
    key = event_type.key_of(event)
    topic = names.event_topic(event_type.entity)
    return Prepared(topic, key, value, headers(event, source, traceparent, key=key))


def prepare_written(
    event: Written, names: Names, source: str, schema_id: int | None = None
) -> Prepared:
    """Return the record of an event that was written straight from JSON.

    Raises:
        EventTooLarge: over 512 KiB.
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
    return Prepared(names.event_topic(event.type.entity), key, value, given)


def sized(event_type: EventType, value: bytes) -> bytes:
    """Return an event's value.

    Raises:
        EventTooLarge: over 512 KiB.
    """
    if len(value) > MOST_BYTES:
        raise EventTooLarge(event_type.name, len(value), MOST_BYTES)
    return value


def checked_source(source: str) -> str:
    """Return a `ce_source` that can be a header.

    Raises:
        OptionRefused: it is no URI reference.
    """
    if _SOURCE.fullmatch(source) is None:
        option = "source"
        raise OptionRefused(option, f"{source!r} is no URI reference such as /services/reviews")
    return source


def checked_transactional_id(name: str) -> str:
    """Return the name of a publisher's transactions.

    Raises:
        OptionRefused: it can't be one.
    """
    if _TRANSACTIONAL_ID.fullmatch(name) is None:
        option = "transactional_id"
        reason = f"{name!r}: 1 to 100 letters, digits, dots, dashes and underscores"
        raise OptionRefused(option, reason)
    return name
