"""Delivery: one event for one endpoint, with its history."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple

from plaudit.deliver.offsets.assignment import MOST_SKEW_MS, Record
from plaudit.records.delivery_id import delivery_id
from plaudit.records.names import Header, Trigger
from plaudit.records.trace_context import TraceContext
from plaudit.tracing.span import SpanIds

if TYPE_CHECKING:
    from plaudit.endpoints.model import Endpoint
    from plaudit.events.decoding import Event


class HeadersUnusable(ValueError):
    """Headers of a record in a deliveries topic are missing or invalid.

    Attributes:
        reason: names the header and its fault.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Origin:
    """Position of the event in Kafka."""

    __slots__ = ("offset", "partition", "timestamp_ms", "topic")

    def __init__(self, topic: str, partition: int, offset: int, timestamp_ms: int) -> None:
        self.topic = topic
        self.partition = partition
        self.offset = offset
        self.timestamp_ms = timestamp_ms

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Origin) and self._key() == other._key()

    def __hash__(self) -> int:
        return hash(self._key())

    def _key(self) -> tuple[str, int, int, int]:
        return self.topic, self.partition, self.offset, self.timestamp_ms


class History(NamedTuple):
    """State of a delivery before its next attempt.

    A named tuple costs a fifth of a dataclass, and one is made for every delivery.

    Attributes:
        trigger: why it is attempted.
        attempts: HTTP attempts made, without those refused for the endpoint's pace.
        diversions: diversions in a row, since the last HTTP attempt that counted.
        redrives: times that it was redriven from the dead letters.
        enqueued_at_ms: when the pipeline first received it; never changes.
        first_attempt_at_ms: time of the first attempt; None before it.
        not_before_ms: end of a `Retry-After` that is longer than any tier.
        send_at_ms: reserved send time (see `bookings`); None: it has none.
        waited_ms: delay of the tier that it was read from.
        endpoint_version: the endpoint's version at the last write; 0 for a first attempt.
        unjudged: whether the endpoint's filter raised an exception, and must be evaluated again.
    """

    trigger: Trigger
    attempts: int
    diversions: int
    redrives: int
    enqueued_at_ms: int
    first_attempt_at_ms: int | None = None
    not_before_ms: int | None = None
    endpoint_version: int = 0
    send_at_ms: int | None = None
    waited_ms: int = 0
    unjudged: bool = False


class DeliverySpanIds(NamedTuple):
    """Ids of the spans of a delivery that is recorded.

    Attributes:
        parent: id of the span that published the event; None if it has no trace context.
        deliver: id of this delivery's span, from its record to its settlement.
        attempt: id of the request's span.
        request: trace context of the request.
    """

    parent: SpanIds | None
    deliver: SpanIds
    attempt: SpanIds
    request: TraceContext


class Delivery:
    """One event for one endpoint, in hand.

    Attributes:
        record: the record that it was read from.
        event: the decoded event.
        body: the rendered body, which the deliveries of one record share.
        endpoint_id: id of the endpoint.
        endpoint: the endpoint when the delivery began; None if it was unknown.
        origin: the event's position in Kafka.
        history: state before the next attempt.
        spans: ids of its spans; None while it is not recorded.
    """

    __slots__ = (
        "body",
        "endpoint",
        "endpoint_id",
        "event",
        "history",
        "origin",
        "record",
        "spans",
    )

    def __init__(
        self,
        record: Record,
        event: Event,
        body: bytes,
        endpoint_id: str,
        endpoint: Endpoint | None,
        origin: Origin,
        history: History,
    ) -> None:
        self.record = record
        self.event = event
        self.body = body
        self.endpoint_id = endpoint_id
        self.endpoint = endpoint
        self.origin = origin
        self.history = history
        self.spans: DeliverySpanIds | None = None

    @property
    def trace(self) -> TraceContext | None:
        """Trace context of the request: that of the attempt's span, or that of the event."""
        return self.record.trace if self.spans is None else self.spans.request

    @property
    def delivery_id(self) -> str:
        """`uuid5(event_id, endpoint_id)`."""
        return delivery_id(self.event.event_id, self.endpoint_id)

    @property
    def endpoint_version(self) -> int:
        """Version of the endpoint that decisions use; 0 if unknown."""
        return 0 if self.endpoint is None else self.endpoint.version


@dataclass(frozen=True, slots=True)
class DeliveryHeaders:
    """Contents of the headers of a record in a deliveries topic."""

    endpoint_id: str
    workspace_id: str
    history: History
    origin: Origin


_REQUIRED: Final = (Header.ENDPOINT_ID, Header.WORKSPACE_ID)
MOST_ID: Final = 200
"""Characters of an endpoint's or a workspace's id; generated ids have 36."""
MOST_COUNT: Final = 1_000_000
"""Attempts, diversions or redrives. The log's number of an attempt has 31 bits."""
MOST_AHEAD_MS: Final = 366 * 86_400_000
"""Latest time that a delivery waits for, relative to its record."""
_INT32: Final = 2**31 - 1
_INT64: Final = 2**63 - 1
_DIGITS: Final = 19


def read_headers(headers: Iterable[tuple[str, bytes]], record: Record) -> DeliveryHeaders:
    """Read the headers that the settler wrote to a record of a deliveries topic.

    Raises:
        HeadersUnusable: one is missing, is not a number, or has a value that the pipeline never
            writes.
    """
    given = {name: value for name, value in headers if name.startswith(Header.PREFIX)}
    for name in _REQUIRED:
        if not 0 < len(given.get(name, b"")) <= MOST_ID:
            msg = f"header {name} is missing, or longer than {MOST_ID} bytes"
            raise HeadersUnusable(msg)
    return DeliveryHeaders(
        _text(given, Header.ENDPOINT_ID),
        _text(given, Header.WORKSPACE_ID),
        _same_history(_history(given, record)),
        _same_origin(_origin(given, record)),
    )


@lru_cache(maxsize=16)
def first_history(timestamp_ms: int) -> History:
    """Return the history of an event's deliveries; the records of one millisecond share it."""
    return History(Trigger.EVENT, 0, 0, 0, timestamp_ms)


@lru_cache(maxsize=64)
def _same_history(history: History) -> History:
    """Return one object for equal ones: thousands of a wide event's deliveries are in hand."""
    return history


@lru_cache(maxsize=64)
def _same_origin(origin: Origin) -> Origin:
    """Return one object for equal ones, as for histories."""
    return origin


def _history(given: Mapping[str, bytes], record: Record) -> History:
    past_ms = max(0, record.timestamp_ms) + MOST_SKEW_MS
    future_ms = past_ms + MOST_AHEAD_MS
    enqueued_at = _number(given, Header.ENQUEUED_AT, past_ms)
    try:
        trigger = Trigger(_text(given, Header.TRIGGER) or Trigger.RETRY)
    except ValueError:
        trigger = Trigger.RETRY  # of a newer release: it is delivered all the same
    return History(
        trigger,
        _number(given, Header.ATTEMPT, MOST_COUNT) or 0,
        _number(given, Header.DIVERSIONS, MOST_COUNT) or 0,
        _number(given, Header.REDRIVES, MOST_COUNT) or 0,
        record.timestamp_ms if enqueued_at is None else enqueued_at,
        _number(given, Header.FIRST_ATTEMPT_AT, past_ms),
        _number(given, Header.NOT_BEFORE, future_ms),
        _number(given, Header.ENDPOINT_VERSION, _INT64) or 0,
        _number(given, Header.TURN_AT, future_ms),
        record.assignment.delay_ms,
        Header.UNJUDGED in given,
    )


def _origin(given: Mapping[str, bytes], record: Record) -> Origin:
    """Return the position of the event; a record without origin headers is the event's own."""
    topic = _text(given, Header.ORIGIN_TOPIC)
    partition = _number(given, Header.ORIGIN_PARTITION, _INT32)
    offset = _number(given, Header.ORIGIN_OFFSET, _INT64)
    if not topic or partition is None or offset is None:
        return origin_of(record)
    timestamp = _number(given, Header.ORIGIN_TIMESTAMP, _INT64)
    return Origin(topic, partition, offset, record.timestamp_ms if timestamp is None else timestamp)


def origin_of(record: Record) -> Origin:
    """Return the position of a record itself."""
    topic, number = record.assignment.partition
    return Origin(topic, number, record.offset, record.timestamp_ms)


def _text(given: Mapping[str, bytes], name: str) -> str:
    return given.get(name, b"").decode("ascii", "replace")


def _number(given: Mapping[str, bytes], name: str, most: int) -> int | None:
    """Return the number in a header, from 0 to `most`; None without such a header.

    Raises:
        HeadersUnusable: the value is not such a number.
    """
    value = given.get(name)
    if not value:
        return None
    number = int(value) if value.isdigit() and len(value) <= _DIGITS else -1
    if not 0 <= number <= most:
        msg = f"header {name} is not a number from 0 to {most}: {value[:40]!r}"
        raise HeadersUnusable(msg)
    return number
