"""Response bodies of the delivery log, as in the OpenAPI document.

`control.views` builds their content, also for the command line. These models validate it, so that
responses match the document.
"""

from __future__ import annotations

from typing import Final

from pydantic import BaseModel, Field
from pydantic.config import JsonDict

from plaudit.records.attempt import Outcome
from plaudit.store.log.query import State

_ID: Final = "0191f0d2-6f0a-7cc3-b1a5-3d2b8b6c9a10"
_TIMES: Final = "RFC 3339, UTC."
_OUTCOMES: Final = f"{', '.join(Outcome)}; later releases may add others."
_DELIVERY: Final[JsonDict] = {
    "id": "5b2c7f64-93a1-5d0e-8a3c-0f6d1c1e2b77",
    "event_id": _ID,
    "event_type": "testimonial.approved",
    "workspace_id": "7d9f5c1e-52a4-4b0e-9a53-0c6d1f1f2a01",
    "endpoint_id": "c1f2b3a4-0d5e-4f60-8192-a3b4c5d6e7f8",
    "subject": "3a1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d",
    "state": "pending",
    "outcome": "retrying",
    "reason": "status",
    "status": 503,
    "error": None,
    "trigger": "event",
    "number": 1,
    "latest_at": "2026-11-24T16:00:00.000Z",
    "next_due_at": "2026-11-24T16:00:05.000Z",
    "origin": {"topic": "plaudit.testimonials", "partition": 3, "offset": 4711},
}
_TIMINGS: Final[JsonDict] = {
    "dns_ms": None,
    "connect_ms": None,
    "tls_ms": None,
    "first_byte_ms": 3.25,
    "total_ms": 3.5,
}
_ATTEMPT: Final[JsonDict] = {
    "id": "0191f0d2-7a11-7d02-9b4c-2e5f6a7b8c9d",
    "started_at": "2026-11-24T16:00:00.000Z",
    "trigger": "event",
    "number": 1,
    "outcome": "retrying",
    "reason": "status",
    "status": 503,
    "error": None,
    "endpoint_version": 1,
    "timings": _TIMINGS,
    "bytes_sent": 1204,
    "request_headers": {
        "webhook-id": _ID,
        "webhook-timestamp": "1764000000",
        "webhook-signature": "[redacted]",
    },
    "answer_headers": {"content-type": "text/plain"},
    "answer": "down for maintenance",
    "next_due_at": "2026-11-24T16:00:05.000Z",
    "worker": "deliver-1:17",
}
EXAMPLES: Final[dict[str, list[JsonDict]]] = {
    "DeliveryOut": [_DELIVERY],
    "AttemptOut": [_ATTEMPT],
    "DeliveryDetail": [{**_DELIVERY, "attempts": [_ATTEMPT]}],
}
"""Examples by schema name, because FastAPI drops null values from a model's own examples."""


class OriginOut(BaseModel):
    """Position of an event in Kafka."""

    topic: str
    partition: int
    offset: int


class DeliveryOut(BaseModel):
    """A delivery with its state after the latest attempt."""

    id: str
    event_id: str = Field(description="The `webhook-id`.")
    event_type: str
    workspace_id: str
    endpoint_id: str
    subject: str = Field(description="Id of the event's subject, such as a testimonial's.")
    state: State
    outcome: str = Field(description=_OUTCOMES)
    reason: str | None = Field(description="Stable reason code; null if delivered.")
    status: int | None = Field(description="HTTP status of the response; null without one.")
    error: str | None
    trigger: str = Field(description="Cause of the attempt: event, retry, manual, redrive, …")
    number: int = Field(description="HTTP attempts so far.")
    latest_at: str = Field(description=_TIMES)
    next_due_at: str | None = Field(description=f"Time of the next attempt. {_TIMES}")
    origin: OriginOut


class TimingsOut(BaseModel):
    """Duration of each phase in milliseconds; null if the phase did not happen or finish."""

    dns_ms: float | None
    connect_ms: float | None
    tls_ms: float | None
    first_byte_ms: float | None
    total_ms: float | None


class AttemptOut(BaseModel):
    """One attempt: request, response, and durations."""

    id: str
    started_at: str = Field(description=_TIMES)
    trigger: str
    number: int
    outcome: str = Field(description=_OUTCOMES)
    reason: str | None
    status: int | None
    error: str | None
    endpoint_version: int
    timings: TimingsOut
    bytes_sent: int | None
    request_headers: dict[str, str] | None = Field(
        description="Without secret values; null if nothing was sent."
    )
    answer_headers: dict[str, str] | None
    answer: str | None = Field(description="First bytes of the response, for failures.")
    next_due_at: str | None
    worker: str


class DeliveryDetail(DeliveryOut):
    """A delivery with all of its attempts, oldest first."""

    attempts: list[AttemptOut]


class SentRequestOut(BaseModel):
    """A request as it was sent."""

    headers: dict[str, str] = Field(description="Headers; secret values are replaced.")
    body: str | None = Field(description="Null if the event can't be read any more.")
    problem: str | None = Field(description="Why the body is missing.")
    stored: bool = Field(
        default=False,
        description="Whether the event is from the database, since Kafka has it no more.",
    )


class DeliveryPage(BaseModel):
    """A page of a list; the next page begins at `cursor`."""

    data: list[DeliveryOut]
    cursor: str | None = None


class DeliveryCount(BaseModel):
    """Number of deliveries that match a filter."""

    count: int
    at_least: bool = Field(description="Whether more may match, since counting stops at 10,000.")


class RefusedRetry(BaseModel):
    """A delivery that can't be retried."""

    delivery_id: str
    code: str = Field(description="`event_expired`, `endpoint_deleted`, `endpoint_disabled`, …")
    detail: str


class RetriedOut(BaseModel):
    """Result of retrying a set of deliveries."""

    retried: int
    refused: list[RefusedRetry]
    cursor: str | None = Field(description="Start of the next page; null on the last page.")


class HourOut(BaseModel):
    """Outcomes of the attempts of an hour or a minute."""

    start: str = Field(description=f"Start of the period. {_TIMES}")
    hour: str = Field(description=f"Start of the hour. {_TIMES}")
    delivered: int
    failed: int = Field(description="Attempts without a 2xx response.")
    dead: int
    diverted: int
    success_rate: float | None
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None


class StatsOut(BaseModel):
    """Attempts per hour or minute, without gaps."""

    data: list[HourOut]
