"""CloudEvents 1.0 over HTTP, in structured and binary mode; never batched.

Not the CloudEvents "Webhooks" specification, whose handshake few receivers implement.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import orjson

from plaudit.formats.shape import Rendered, Shape

if TYPE_CHECKING:
    from plaudit.events.decoding import Event

SPEC_VERSION: Final = "1.0"
_SEQUENCE_DIGITS: Final = 19
"""Digits of a 64-bit number: receivers compare the extension `sequence` as text."""
_encoded: Final = re.compile(r'[^\x21-\x7e]|["%]').sub


def attributes(event: Event, source: str) -> dict[str, str]:
    """Return the context attributes of an event; none of them carries personal data."""
    said = {
        "specversion": SPEC_VERSION,
        "id": event.event_id,
        "source": source,
        "type": event.type,
        "subject": event.subject,
        "time": event.timestamp,
    }
    sequence = event.data.get("sequence")
    if isinstance(sequence, int) and sequence >= 0:
        said["sequence"] = f"{sequence:0{_SEQUENCE_DIGITS}d}"
    return {name: value for name, value in said.items() if value}


def header_value(text: str) -> bytes:
    """Return an attribute as HTTP carries it: percent-encoded where the binding requires it."""
    return _encoded(
        lambda found: "".join(f"%{byte:02X}" for byte in found[0].encode()), text
    ).encode()


def _structured(event: Event, source: str) -> Rendered:
    whole = {
        **attributes(event, source),
        "datacontenttype": "application/json",
        "data": event.data,
    }
    return Rendered(orjson.dumps(whole))


def _binary(event: Event, source: str) -> Rendered:
    headers = tuple(
        (b"ce-" + name.encode(), header_value(value))
        for name, value in attributes(event, source).items()
    )
    return Rendered(orjson.dumps(event.data), headers)


STRUCTURED: Final = Shape("cloudevents-structured", b"application/cloudevents+json", _structured)
BINARY: Final = Shape("cloudevents-binary", b"application/json", _binary)
