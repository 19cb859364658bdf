"""Deliveries as plain data, for the API and the command line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from plaudit.records.times import time_text
from plaudit.store.log.queries import Attempt
from plaudit.store.log.query import State


def shown_delivery(latest: Attempt) -> dict[str, Any]:
    """Return a delivery from its latest attempt."""
    pending = latest.state is State.PENDING
    return {
        "id": latest.delivery_id,
        "event_id": latest.event_id,
        "event_type": latest.event_type,
        "workspace_id": latest.workspace_id,
        "endpoint_id": latest.endpoint_id,
        "subject": latest.subject,
        "state": str(latest.state),
        "outcome": latest.outcome,
        "reason": latest.reason,
        "status": latest.status,
        "error": latest.error,
        "trigger": latest.trigger,
        "number": latest.number,
        "latest_at": time_text(latest.started_at),
        "next_due_at": _time(latest.next_due_at) if pending else None,
        "origin": {
            "topic": latest.origin_topic,
            "partition": latest.origin_partition,
            "offset": latest.origin_offset,
        },
    }


REDACTED: Final = "[redacted]"


@dataclass(frozen=True, slots=True)
class OwnHeaders:
    """Names of an endpoint's own headers, at one of its versions."""

    version: int
    names: tuple[str, ...]


def shown_attempt(attempt: Attempt, own: OwnHeaders | None = None) -> dict[str, Any]:
    """Return an attempt with its durations by phase, and the response.

    Args:
        attempt: attempt from the log.
        own: names of the endpoint's headers at one version; other versions may have others.
    """
    snippet = attempt.answer_snippet
    return {
        "id": attempt.attempt_id,
        "started_at": time_text(attempt.started_at),
        "trigger": attempt.trigger,
        "number": attempt.number,
        "outcome": attempt.outcome,
        "reason": attempt.reason,
        "status": attempt.status,
        "error": attempt.error,
        "endpoint_version": attempt.endpoint_version,
        "timings": {
            "dns_ms": _rounded(attempt.dns_ms),
            "connect_ms": _rounded(attempt.connect_ms),
            "tls_ms": _rounded(attempt.tls_ms),
            "first_byte_ms": _rounded(attempt.first_byte_ms),
            "total_ms": _rounded(attempt.total_ms),
        },
        "bytes_sent": attempt.bytes_sent,
        "request_headers": request_headers(attempt, own) if attempt.is_http else None,
        "answer_headers": attempt.answer_headers,
        "answer": None if snippet is None else snippet.decode("utf-8", "replace"),
        "next_due_at": _time(attempt.next_due_at),
        "worker": attempt.worker,
    }


def request_headers(attempt: Attempt, own: OwnHeaders | None = None) -> dict[str, str]:
    """Return the request's headers, and of secret ones only the names."""
    chosen = own.names if own is not None and own.version == attempt.endpoint_version else ()
    return {
        "webhook-id": attempt.event_id,
        "webhook-timestamp": str(attempt.started_at // 1_000),
        "webhook-signature": REDACTED,
        **({"plaudit-replay": "true"} if attempt.trigger == "replay" else {}),
        **dict.fromkeys((name.lower() for name in chosen), REDACTED),
    }


def _time(epoch_ms: int | None) -> str | None:
    return None if epoch_ms is None else time_text(epoch_ms)


def _rounded(millis: float | None) -> float | None:
    return None if millis is None else round(millis, 2)
