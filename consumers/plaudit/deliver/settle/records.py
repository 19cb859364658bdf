"""What is written when a delivery moves on: pure, from the delivery and what was decided.

The event's own bytes and its own headers travel untouched; what the pipeline adds stands in
`plaudit-*` headers, which are replaced at every hop.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple, assert_never

from plaudit.deliver.model.decision import (
    Cancelled,
    Dead,
    Decision,
    Delivered,
    Diverted,
    Reason,
    Retry,
)
from plaudit.deliver.model.delivery import Delivery, History, Origin, Record, origin_of
from plaudit.records.attempt import (
    KEPT_ANSWER_BYTES,
    AttemptRecord,
    Outcome,
    encode_attempt,
    encode_delivered,
)
from plaudit.records.names import Header, Names, Trigger
from plaudit.transport.answer import NO_TIMINGS, Answer
from plaudit.transport.errors import TransportError

MOST_ERROR_BYTES: Final = 1_024
_DELIVERED: Final = Outcome.DELIVERED
TRUNCATED_BYTES: Final = 64 * 1024
"""What a dead letter keeps of a record that the brokers refused."""

Headers = list[tuple[str, bytes]]


class Write(NamedTuple):
    """One record to write."""

    topic: str
    value: bytes
    key: bytes
    headers: Headers | None


class Attempted(NamedTuple):
    """An HTTP attempt that was made.

    Attributes:
        outcome: the answer, or why there is none.
        started_at_ms: by the worker's clock; also the `webhook-timestamp`.
    """

    outcome: Answer | TransportError
    started_at_ms: int

    @property
    def status(self) -> int | None:
        """HTTP status of the answer."""
        return self.outcome.status if isinstance(self.outcome, Answer) else None

    @property
    def result(self) -> str:
        """Return the class of the status, such as `2xx`, or the code of the error."""
        if isinstance(self.outcome, Answer):
            return f"{self.outcome.status // 100}xx"
        return self.outcome.code

    @property
    def error(self) -> str | None:
        """What went wrong, when there is no answer."""
        return None if isinstance(self.outcome, Answer) else str(self.outcome)


def outcome_of(decision: Decision) -> Outcome:
    """Return the word for a decision in the log."""
    match decision:
        case Delivered():
            return _DELIVERED
        case Retry():
            return Outcome.RETRYING
        case Diverted():
            return Outcome.DIVERTED
        case Dead(reason=Reason.GONE):
            return Outcome.GONE
        case Dead():
            return Outcome.DEAD
        case Cancelled():
            return Outcome.CANCELLED
    assert_never(decision)


def reason_of(decision: Decision) -> str | None:
    """Return the decision's stable code; None for what was delivered."""
    return None if isinstance(decision, Delivered) else str(decision.reason)


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
        *_foreign(delivery.record.headers()),
        *_own(delivery, decision, attempted),
    ]
    return Write(topic, delivery.record.value, key.encode(), headers)


def fanned_out(record: Record, workspace_id: str, origin: Origin, history: History) -> Headers:
    """Return the headers that the deliveries of a wide event share, on their way to `now`."""
    return [
        *_foreign(record.headers()),
        (Header.WORKSPACE_ID, workspace_id.encode()),
        *_origin_headers(origin),
        *_history_headers(history, None),
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
        *_still_true(write.headers or ()),
        (Header.REASON, str(Reason.WRITE_REFUSED).encode()),
        (Header.LAST_ERROR, _clipped(error)),
        *_origin_headers(origin),
    ]
    return Write(topic, write.value[:TRUNCATED_BYTES], key, headers)


def unreadable(names: Names, record: Record, reason: str, detail: str) -> Write:
    """Return the dead letter for a record that is no event, with its bytes and key as they were."""
    origin = origin_of(record)
    headers = [
        *_still_true(record.headers()),
        (Header.REASON, reason.encode()),
        (Header.LAST_ERROR, _clipped(detail)),
        *_origin_headers(origin),
    ]
    if record.key is not None:
        headers.append((Header.ORIGIN_KEY, record.key))
    key = f"{origin.topic}:{origin.partition}:{origin.offset}"
    return Write(names.dlq_events, record.value, key.encode(), headers)


def next_history(history: History, decision: Decision, attempted: Attempted | None) -> History:
    """Return what has happened to the delivery, this moment included."""
    # One that was refused for the endpoint's pace alone is as it was.
    made = history.attempts + (attempted is not None and not isinstance(decision, Diverted))
    first = history.first_attempt_at_ms
    if first is None and attempted is not None:
        first = attempted.started_at_ms
    not_before = history.not_before_ms
    diversions = 0 if attempted is not None else history.diversions
    turn_at: int | None = None
    trigger = history.trigger
    match decision:
        case Retry(not_before_ms=until):
            not_before = until
            # A replay stays one: its requests say so.
            trigger = trigger if trigger is Trigger.REPLAY else Trigger.RETRY
        case Diverted(turn_at_ms=turn_at):
            diversions += 1
        case _:
            pass
    return History(
        trigger,
        made,
        diversions,
        history.redrives,
        history.enqueued_at_ms,
        first,
        not_before,
        history.endpoint_version,
        turn_at,
    )


def line(
    delivery: Delivery,
    decision: Decision,
    attempted: Attempted | None,
    identity: tuple[str, str],
    now_ms: int,
) -> bytes:
    """Return the line for the log.

    Args:
        delivery: what it is about.
        decision: what was decided.
        attempted: the HTTP attempt, if one was made.
        identity: the new attempt's id, and the worker's name.
        now_ms: epoch milliseconds.
    """
    if attempted is not None and isinstance(decision, Delivered):
        answer = attempted.outcome
        if isinstance(answer, Answer):
            return _delivered(delivery, answer, attempted.started_at_ms, identity)
    return encode_attempt(attempt_record(delivery, decision, attempted, identity, now_ms))


def _delivered(
    delivery: Delivery, answer: Answer, started_at_ms: int, identity: tuple[str, str]
) -> bytes:
    """Return the line that nearly every delivery has, without naming each field on the way."""
    event, history, origin = delivery.event, delivery.history, delivery.origin
    return encode_delivered(
        (identity[0], delivery.delivery_id, event.event_id),
        (event.type, event.workspace_id, delivery.endpoint_id, delivery.endpoint_version),
        event.subject,
        (origin.topic, origin.partition, origin.offset),
        (history.trigger.upper(), history.attempts + 1, answer.status),
        (started_at_ms, answer.bytes_sent),
        answer.timings,
        identity[1],
    )


def attempt_record(
    delivery: Delivery,
    decision: Decision,
    attempted: Attempted | None,
    identity: tuple[str, str],
    now_ms: int,
) -> AttemptRecord:
    """Return the line field by field; see `line`."""
    event, history, origin = delivery.event, delivery.history, delivery.origin
    answer = attempted.outcome if attempted and isinstance(attempted.outcome, Answer) else None
    timings = NO_TIMINGS if attempted is None else attempted.outcome.timings
    # That a delivery went well explains itself.
    explained = answer is not None and not isinstance(decision, Delivered)
    return {
        "attempt_id": identity[0],
        "delivery_id": delivery.delivery_id,
        "event_id": event.event_id,
        "event_type": event.type,
        "workspace_id": event.workspace_id,
        "endpoint_id": delivery.endpoint_id,
        "endpoint_version": delivery.endpoint_version,
        "subject": event.subject,
        "origin_topic": origin.topic,
        "origin_partition": origin.partition,
        "origin_offset": origin.offset,
        "trigger": history.trigger.upper(),
        "number": history.attempts + (attempted is not None),
        "outcome": outcome_of(decision).upper(),
        "reason": reason_of(decision),
        "status": None if answer is None else answer.status,
        "started_at": now_ms if attempted is None else attempted.started_at_ms,
        "dns_ms": timings.dns_ms,
        "connect_ms": timings.connect_ms,
        "tls_ms": timings.tls_ms,
        "first_byte_ms": timings.first_byte_ms,
        "total_ms": timings.total_ms,
        "bytes_sent": 0 if answer is None else answer.bytes_sent,
        "answer_headers": dict(answer.headers) if answer and explained else None,
        "answer_snippet": answer.snippet[:KEPT_ANSWER_BYTES] if answer and explained else None,
        "error": _error(decision, attempted),
        "next_due_at": _next_due(decision, now_ms),
        "worker": identity[1],
    }


def _error(decision: Decision, attempted: Attempted | None) -> str | None:
    error = None if attempted is None else attempted.error
    if error is None and isinstance(decision, Dead):
        return decision.detail or None
    return error


def _next_due(decision: Decision, now_ms: int) -> int | None:
    match decision:
        case Retry(tier=tier, not_before_ms=until):
            return until or now_ms + tier.millis
        case Diverted(tier=tier):
            return now_ms + tier.millis
        case _:
            return None


def _own(delivery: Delivery, decision: Decision, attempted: Attempted | None) -> Headers:
    history = next_history(delivery.history, decision, attempted)
    version = delivery.endpoint_version or history.endpoint_version
    headers = [*_identity(delivery), *_history_headers(history, version)]
    reason = reason_of(decision)
    if reason is not None:
        headers.append((Header.REASON, reason.encode()))
    if attempted is not None and attempted.status is not None:
        headers.append((Header.LAST_STATUS, str(attempted.status).encode()))
    error = _error(decision, attempted)
    if error is not None:
        headers.append((Header.LAST_ERROR, _clipped(error)))
    if attempted is None:
        # What the last attempt said is still the last.
        given = {name for name, _ in headers}
        headers += [
            (name, value)
            for name, value in delivery.record.headers()
            if name in {Header.LAST_STATUS, Header.LAST_ERROR} and name not in given
        ]
    return headers


def _identity(delivery: Delivery) -> Headers:
    return [
        (Header.DELIVERY_ID, delivery.delivery_id.encode()),
        (Header.ENDPOINT_ID, delivery.endpoint_id.encode()),
        (Header.WORKSPACE_ID, delivery.event.workspace_id.encode()),
        *_origin_headers(delivery.origin),
    ]


def _history_headers(history: History, version: int | None) -> Headers:
    numbers = {
        Header.ENDPOINT_VERSION: version,
        Header.ATTEMPT: history.attempts,
        Header.DIVERSIONS: history.diversions,
        Header.REDRIVES: history.redrives,
        Header.ENQUEUED_AT: history.enqueued_at_ms,
        Header.FIRST_ATTEMPT_AT: history.first_attempt_at_ms,
        Header.NOT_BEFORE: history.not_before_ms,
        Header.TURN_AT: history.turn_at_ms,
    }
    written = [
        (name, str(number).encode()) for name, number in numbers.items() if number is not None
    ]
    return [(Header.TRIGGER, history.trigger.encode()), *written]


def _origin_headers(origin: Origin) -> Headers:
    return [
        (Header.ORIGIN_TOPIC, origin.topic.encode()),
        (Header.ORIGIN_PARTITION, str(origin.partition).encode()),
        (Header.ORIGIN_OFFSET, str(origin.offset).encode()),
        (Header.ORIGIN_TIMESTAMP, str(origin.timestamp_ms).encode()),
    ]


def _foreign(headers: Iterable[tuple[str, bytes]]) -> Headers:
    return [(name, value) for name, value in headers if not name.startswith(Header.PREFIX)]


def _still_true(headers: Iterable[tuple[str, bytes]]) -> Headers:
    """Return what a dead letter keeps of a record's headers beside its own reason and origin.

    A record of the deliveries lane still says whose it is; one that was redriven, how often.
    """
    replaced = {
        Header.REASON,
        Header.LAST_ERROR,
        Header.ORIGIN_KEY,
        Header.ORIGIN_TOPIC,
        Header.ORIGIN_PARTITION,
        Header.ORIGIN_OFFSET,
        Header.ORIGIN_TIMESTAMP,
    }
    return [(name, value) for name, value in headers if name not in replaced]


def _clipped(text: str) -> bytes:
    """Return UTF-8 of at most 1 KiB, cut between characters."""
    return text.encode()[:MOST_ERROR_BYTES].decode(errors="ignore").encode()
