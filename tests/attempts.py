"""Attempts for tests and benchmarks of the log."""

from __future__ import annotations

import time
import uuid
from typing import Any, cast

from plaudit.events.ids import new_event_id
from plaudit.records.attempt import AttemptRecord

WORKSPACE = "7d9f5c1e-52a4-4b0e-9a53-0c6d1f1f2a01"


def attempt(**given: Any) -> AttemptRecord:
    """Return a delivered attempt, but for what is given."""
    event_id = given.get("event_id", str(new_event_id()))
    endpoint_id = given.get("endpoint_id", str(uuid.uuid4()))
    made: dict[str, Any] = {
        "attempt_id": str(new_event_id()),
        "delivery_id": str(uuid.uuid5(uuid.UUID(event_id), endpoint_id)),
        "event_id": event_id,
        "event_type": "testimonial.approved",
        "workspace_id": WORKSPACE,
        "endpoint_id": endpoint_id,
        "endpoint_version": 1,
        "subject": str(uuid.uuid4()),
        "origin_topic": "plaudit.testimonials",
        "origin_partition": 3,
        "origin_offset": 4_711,
        "trigger": "EVENT",
        "number": 1,
        "outcome": "DELIVERED",
        "reason": None,
        "status": 200,
        "started_at": int(time.time() * 1_000),
        "dns_ms": None,
        "connect_ms": None,
        "tls_ms": None,
        "first_byte_ms": 3.25,
        "total_ms": 3.5,
        "bytes_sent": 1_204,
        "answer_headers": None,
        "answer_snippet": None,
        "error": None,
        "next_due_at": None,
        "worker": "deliver-1:17",
        **given,
    }
    return cast("AttemptRecord", made)


def failed(**given: Any) -> AttemptRecord:
    """Return an attempt that was answered 503 and is tried again."""
    said = {"outcome": "RETRYING", "reason": "status", "status": 503, "answer_snippet": b"no\0pe"}
    return attempt(**{**said, **given})
