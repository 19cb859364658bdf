"""Record of a replayed delivery."""

from __future__ import annotations

from confluent_kafka import Message

from plaudit.dlq.job.rules import LetterWrite
from plaudit.dlq.letters.endpoint_index import EndpointSummary
from plaudit.events.decoding import Event
from plaudit.kafka.read.headers import Headers, readable_headers
from plaudit.records.delivery_id import delivery_id
from plaudit.records.names import Header, Trigger


def delivery_of(message: Message, event: Event, known: EndpointSummary, now_ms: int) -> LetterWrite:
    """Return the record that delivers an event to an endpoint again."""
    foreign: Headers = [
        (name, value)
        for name, value in readable_headers(message)
        if not name.startswith(Header.PREFIX)
    ]
    given = {
        Header.DELIVERY_ID: delivery_id(event.event_id, known.endpoint_id),
        Header.ENDPOINT_ID: known.endpoint_id,
        Header.ENDPOINT_VERSION: known.version,
        Header.WORKSPACE_ID: known.workspace_id,
        Header.TRIGGER: Trigger.REPLAY,
        Header.ATTEMPT: 0,
        Header.DIVERSIONS: 0,
        Header.REDRIVES: 0,
        Header.ENQUEUED_AT: now_ms,
        Header.ORIGIN_TOPIC: message.topic(),
        Header.ORIGIN_PARTITION: message.partition(),
        Header.ORIGIN_OFFSET: message.offset(),
        Header.ORIGIN_TIMESTAMP: message.timestamp()[1],
    }
    ours = [(name, str(value).encode()) for name, value in given.items()]
    return LetterWrite("", message.value(), known.endpoint_id.encode(), [*foreign, *ours])
