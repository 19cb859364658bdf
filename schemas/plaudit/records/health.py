"""`Health`: the record in which one worker tells the others about an endpoint."""

from __future__ import annotations

from typing import Final, TypedDict, cast

from plaudit.records.codec import RecordError, record_codec

_CODEC: Final = "health"

__all__ = ["HealthRecord", "RecordError", "decode_health", "encode_health"]


class HealthRecord(TypedDict):
    """The Avro record, field by field as `avro/health.avsc` documents it."""

    endpoint_id: str
    version: int
    worker: str
    failing_ms: int
    open_ms: int
    held_ms: int
    paced: bool
    per_s: float | None


def encode_health(health: HealthRecord) -> bytes:
    """Return the record in Avro single-object encoding."""
    return record_codec(_CODEC).encode(health)


def decode_health(value: bytes) -> HealthRecord:
    """Read a record of this or a neighboring release.

    Raises:
        RecordError: the bytes are not a `Health`.
    """
    return cast("HealthRecord", record_codec(_CODEC).read(value))
