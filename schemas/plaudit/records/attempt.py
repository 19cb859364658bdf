"""`DeliveryAttempt`: the line that every settled delivery has in the log."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, Final, TypedDict

from plaudit.records.codec import record_codec

KEPT_ANSWER_BYTES: Final = 4 * 1024
_CODEC = "attempt"


class Outcome(StrEnum):
    """What became of an attempt, in the words of the log and the API."""

    DELIVERED = "delivered"
    RETRYING = "retrying"
    DEAD = "dead"
    GONE = "gone"
    DIVERTED = "diverted"
    CANCELLED = "cancelled"


class AttemptRecord(TypedDict):
    """The Avro record, field by field as `avro/attempt.avsc` documents it.

    A plain mapping and no dataclass: one is encoded for every delivery, straight from here.
    Enums are upper case, as in Avro; times are epoch milliseconds.
    """

    attempt_id: str
    delivery_id: str
    event_id: str
    event_type: str
    workspace_id: str
    endpoint_id: str
    endpoint_version: int
    subject: str
    origin_topic: str
    origin_partition: int
    origin_offset: int
    trigger: str
    number: int
    outcome: str
    reason: str | None
    status: int | None
    started_at: int
    dns_ms: float | None
    connect_ms: float | None
    tls_ms: float | None
    first_byte_ms: float | None
    total_ms: float | None
    bytes_sent: int
    answer_headers: dict[str, str] | None
    answer_snippet: bytes | None
    error: str | None
    next_due_at: int | None
    worker: str


def encode_attempt(attempt: AttemptRecord) -> bytes:
    """Return the record in Avro single-object encoding."""
    return record_codec(_CODEC).encode(attempt)


def decode_attempt(value: bytes) -> dict[str, Any]:
    """Read a record of this or a neighboring release; enums come back in lower case.

    Raises:
        RecordError: the bytes are no `DeliveryAttempt`.
    """
    return record_codec(_CODEC).read(value)
