"""Records that the settler writes, built from a delivery and the decision about it. Pure.

The event's bytes and headers stay as they were published. The pipeline's own state is in
`plaudit-*` headers, which every hop replaces.
"""

from __future__ import annotations

from typing import Final, assert_never

from plaudit.deliver.model.attempted import Attempted
from plaudit.deliver.model.decision import (
    Cancelled,
    Dead,
    Decision,
    Delivered,
    Diverted,
    Reason,
    Retry,
)
from plaudit.deliver.model.delivery import Delivery, History, Origin, origin_of
from plaudit.deliver.offsets.assignment import Record
from plaudit.deliver.settle.headers import (
    Headers,
    clipped,
    foreign,
    history_headers,
    origin_headers,
    own_headers,
    still_true,
)
from plaudit.records.names import Header, Names

TRUNCATED_BYTES: Final = 64 * 1024
"""Bytes that a dead letter keeps of a refused record."""


class Write:
    """One record to write."""

    __slots__ = ("headers", "key", "topic", "value")

    def __init__(self, topic: str, value: bytes, key: bytes, headers: Headers | None) -> None:
        self.topic = topic
        self.value = value
        self.key = key
        self.headers = headers


def next_record(
    names: Names, delivery: Delivery, decision: Decision, attempted: Attempted | None
) -> Write | None:
    """Return the next record of a delivery; None if the decision ends it."""
    match decision:
        case Delivered() | Cancelled():
            return None
        case Retry(tier=tier) | Diverted(tier=tier):
            topic, key = names.deliveries(tier), delivery.endpoint_id
        case Dead():
            topic, key = names.dlq_deliveries, delivery.delivery_id
        case _:
            assert_never(decision)
    headers = [
        *foreign(delivery.record.headers()),
        *own_headers(delivery, decision, attempted),
    ]
    return Write(topic, delivery.record.value, key.encode(), headers)


def fanned_out_headers(
    record: Record, workspace_id: str, origin: Origin, history: History
) -> Headers:
    """Return the headers that the deliveries of a wide event share in `deliveries.now`."""
    return [
        *foreign(record.headers()),
        (Header.WORKSPACE_ID, workspace_id.encode()),
        *origin_headers(origin),
        *history_headers(history, None),
    ]


def refused_record(names: Names, write: Write, origin: Origin, error: str) -> Write:
    """Return the dead letter for a record that the brokers will never accept."""
    given = dict(write.headers or ())
    key = given.get(Header.DELIVERY_ID, write.key)
    if write.topic == names.dlq_events:
        topic, key = names.dlq_events, write.key
    else:
        topic = names.dlq_deliveries
    headers = [
        *still_true(write.headers or ()),
        (Header.REASON, str(Reason.WRITE_REFUSED).encode()),
        (Header.LAST_ERROR, clipped(error)),
        *origin_headers(origin),
    ]
    return Write(topic, write.value[:TRUNCATED_BYTES], key, headers)


def unreadable_record(names: Names, record: Record, reason: str, detail: str) -> Write:
    """Return the dead letter of an unreadable record, with its bytes and key."""
    origin = origin_of(record)
    headers = [
        *still_true(record.headers()),
        (Header.REASON, reason.encode()),
        (Header.LAST_ERROR, clipped(detail)),
        *origin_headers(origin),
    ]
    if record.key is not None:
        headers.append((Header.ORIGIN_KEY, record.key))
    return Write(names.dlq_events, record.value, dead_record_key(origin), headers)


def dead_record_key(origin: Origin) -> bytes:
    """Return the key of a dead letter of a whole record.

    The topic is compacted, and in another cluster another record may have the same offset. With the
    append time, the letter of one does not replace that of the other.
    """
    return f"{origin.topic}:{origin.partition}:{origin.offset}:{origin.timestamp_ms}".encode()
