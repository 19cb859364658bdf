"""What is written when a delivery moves on: pure, from the delivery and what was decided.

The event's own bytes and its own headers travel untouched; what the pipeline adds stands in
`plaudit-*` headers, which are replaced at every hop.
"""

from __future__ import annotations

from typing import Final, NamedTuple, assert_never

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
"""What a dead letter keeps of a record that the brokers refused."""


class Write(NamedTuple):
    """One record to write."""

    topic: str
    value: bytes
    key: bytes
    headers: Headers | None


def move(
    names: Names, delivery: Delivery, decision: Decision, attempted: Attempted | None
) -> Write | None:
    """Return where the delivery goes from here; None when it is at its end."""
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


def fanned_out(record: Record, workspace_id: str, origin: Origin, history: History) -> Headers:
    """Return the headers that the deliveries of a wide event share, on their way to `now`."""
    return [
        *foreign(record.headers()),
        (Header.WORKSPACE_ID, workspace_id.encode()),
        *origin_headers(origin),
        *history_headers(history, None),
    ]


def refused(names: Names, write: Write, origin: Origin, error: str) -> Write:
    """Return the dead letter for a record that the brokers refused for good."""
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


def unreadable(names: Names, record: Record, reason: str, detail: str) -> Write:
    """Return the dead letter for a record that is no event, with its bytes and key as they were."""
    origin = origin_of(record)
    headers = [
        *still_true(record.headers()),
        (Header.REASON, reason.encode()),
        (Header.LAST_ERROR, clipped(detail)),
        *origin_headers(origin),
    ]
    if record.key is not None:
        headers.append((Header.ORIGIN_KEY, record.key))
    key = f"{origin.topic}:{origin.partition}:{origin.offset}"
    return Write(names.dlq_events, record.value, key.encode(), headers)
