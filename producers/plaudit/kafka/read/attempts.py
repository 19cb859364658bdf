"""Values of the `attempts` topic, in the framing that decoders accept."""

from __future__ import annotations

from confluent_kafka import Message

from plaudit.kafka.read.headers import readable_headers
from plaudit.records.attempt import single_object


def attempt_value(message: Message) -> bytes:
    """Return a record's value in single-object encoding; read headers only for other encodings."""
    value = message.value() or b""
    if value[:1] != b"\0":
        return value
    return single_object(value, dict(readable_headers(message)))
