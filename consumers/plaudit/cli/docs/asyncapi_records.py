"""Plaudit's own records in the AsyncAPI document: attempts, and endpoints as workers read them."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from plaudit.cli.docs.asyncapi_shared import AVRO
from plaudit.records.codec import record_codec


class RecordTopic(NamedTuple):
    """A topic of records.

    Attributes:
        codec: name of the record's codec.
        message: name of the message.
        description: description of the channel.
    """

    codec: str
    message: str
    description: str


RECORD_TOPICS: Final = {
    "attempts": RecordTopic(
        "attempt",
        "DeliveryAttempt",
        "One record for each attempt, diversion and cancellation, keyed by endpoint id. "
        "Single-object encoding, or Confluent framing with PLAUDIT_ATTEMPTS_FRAMING=confluent.",
    ),
    "endpoints": RecordTopic(
        "endpoint",
        "Endpoint",
        "Compacted: the state of each endpoint, keyed by endpoint id. Single-object encoding, "
        "followed by a signature of 33 bytes. URL, headers and secrets are encrypted.",
    ),
}


def record_messages() -> dict[str, Any]:
    """Return the messages of these topics, by name."""
    return {
        each.message: {
            "name": record_codec(each.codec).record,
            "title": each.message,
            "summary": record_codec(each.codec).schema["doc"],
            "contentType": "application/avro",
            "payload": {"schemaFormat": AVRO, "schema": record_codec(each.codec).schema},
        }
        for each in RECORD_TOPICS.values()
    }


def record_operations() -> dict[str, Any]:
    """Return an operation for each of these topics: Plaudit writes them."""
    return {
        f"send{name.capitalize()}": {
            "action": "send",
            "channel": {"$ref": f"#/channels/{name}"},
            "summary": f"Plaudit writes {name}.",
        }
        for name in RECORD_TOPICS
    }
