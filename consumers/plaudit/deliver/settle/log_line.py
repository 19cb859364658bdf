"""Attempt record of a settled delivery."""

from __future__ import annotations

from plaudit.deliver.model.attempted import Attempted, error_of, outcome_of, reason_of
from plaudit.deliver.model.decision import Decision, Delivered, Diverted, Retry
from plaudit.deliver.model.delivery import Delivery
from plaudit.deliver.settle.headers import Headers
from plaudit.records.attempt import (
    KEPT_ANSWER_BYTES,
    AttemptRecord,
    encode_attempt,
    encode_delivered,
)
from plaudit.records.trace_context import kafka_headers
from plaudit.transport.answer import NO_TIMINGS, Answer


def with_trace(headers: Headers | None, delivery: Delivery) -> Headers | None:
    """Return the headers of an attempt record; those of a recorded delivery name its span."""
    if delivery.spans is None:
        return headers
    return [*(headers or ()), *kafka_headers(delivery.spans.deliver.context)]


def line(
    delivery: Delivery,
    decision: Decision,
    attempted: Attempted | None,
    identity: tuple[str, str],
    now_ms: int,
) -> bytes:
    """Return the encoded attempt record.

    Args:
        delivery: the settled delivery.
        decision: the decision about it.
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
    """Return the attempt record of a 2xx, the usual case, without a dictionary of fields."""
    event, history, origin = delivery.event, delivery.history, delivery.origin
    took = answer.timings
    return encode_delivered(
        (identity[0], delivery.delivery_id, event.event_id),
        (event.type, event.workspace_id, delivery.endpoint_id, delivery.endpoint_version),
        event.subject,
        (origin.topic, origin.partition, origin.offset),
        (history.trigger.upper(), history.attempts + 1, answer.status),
        (started_at_ms, answer.bytes_sent),
        (took.dns_ms, took.connect_ms, took.tls_ms, took.first_byte_ms, took.total_ms),
        identity[1],
    )


def attempt_record(
    delivery: Delivery,
    decision: Decision,
    attempted: Attempted | None,
    identity: tuple[str, str],
    now_ms: int,
) -> AttemptRecord:
    """Return the attempt record field by field; see `line`."""
    event, history, origin = delivery.event, delivery.history, delivery.origin
    answer = attempted.outcome if attempted and isinstance(attempted.outcome, Answer) else None
    timings = NO_TIMINGS if attempted is None else attempted.outcome.timings
    # A 2xx needs no explanation.
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
        "error": error_of(decision, attempted),
        "next_due_at": _next_due(decision, now_ms),
        "worker": identity[1],
    }


def _next_due(decision: Decision, now_ms: int) -> int | None:
    match decision:
        case Retry(tier=tier, not_before_ms=until):
            return until or now_ms + tier.millis
        case Diverted(tier=tier):
            return now_ms + tier.millis
        case _:
            return None
