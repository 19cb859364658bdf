"""CloudEvents 1.0 over Kafka, binary mode: the event's attributes as `ce_*` headers.

Intermediaries log headers, so none of them carries personal data.
"""

from __future__ import annotations

from typing import Final

from plaudit.events.catalogue import type_of
from plaudit.events.models.event import EventModel

Headers = list[tuple[str, bytes]]

SPEC_VERSION: Final = b"1.0"
CONTENT_TYPE: Final = b"application/avro"


def headers(
    event: EventModel, source: str, traceparent: str | None = None, *, key: bytes | None = None
) -> Headers:
    """Return the headers of an event's record.

    Args:
        event: the event.
        source: which service it comes from, as a URI reference (`ce_source`).
        traceparent: W3C trace context, passed on to the subscriber's side.
        key: of the record, where it is known already.
    """
    moment = event.meta.occurred_at.isoformat(timespec="microseconds").replace("+00:00", "Z")
    given = [
        ("ce_specversion", SPEC_VERSION),
        ("ce_id", str(event.meta.event_id).encode()),
        ("ce_type", event.type_name.encode()),
        ("ce_source", source.encode()),
        ("ce_time", moment.encode()),
        ("ce_subject", key or type_of(event).key_of(event).encode()),
        ("content-type", CONTENT_TYPE),
    ]
    if traceparent is not None:
        given.append(("traceparent", traceparent.encode()))
    return given
