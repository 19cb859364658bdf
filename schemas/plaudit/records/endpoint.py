"""`Endpoint`: the record of an endpoint in the compacted topic, as workers read it."""

from __future__ import annotations

from typing import Any, Final, TypedDict, cast

from plaudit.records.codec import RecordError, record_codec

_CODEC: Final = "endpoint"
_SUMMARY: Final = (
    "endpoint_id",
    "workspace_id",
    "version",
    "event_types",
    "spaces",
    "content_filter",
    "status",
    "status_since",
    "active_from",
)
"""The fields that matching needs."""


class EndpointRecord(TypedDict):
    """The Avro record, field by field as `avro/endpoint.avsc` documents it."""

    endpoint_id: str
    workspace_id: str
    version: int
    key_id: str
    sealed: bytes
    event_types: list[str]
    spaces: list[str]
    content_filter: str | None
    format: str
    rate_limit: float | None
    schedule: str | None
    signature_kinds: list[str]
    status: str
    status_reason: str | None
    status_since: int | None
    active_from: int
    created_at: int
    updated_at: int


def encode_endpoint(endpoint: EndpointRecord) -> bytes:
    """Return the record in Avro single-object encoding."""
    return record_codec(_CODEC).encode(endpoint)


def decode_endpoint(value: bytes) -> EndpointRecord:
    """Read a record of this or a neighboring release.

    Raises:
        RecordError: the bytes are not an `Endpoint`.
    """
    return split_endpoint(value)[0]


def split_endpoint(value: bytes) -> tuple[EndpointRecord, int]:
    """Decode a record and return it with its length; a signature may follow it.

    Raises:
        RecordError: the bytes are not an `Endpoint`.
    """
    record, length = record_codec(_CODEC).decode_head(value)
    return cast("EndpointRecord", record), length


def summary_of(value: bytes) -> dict[str, Any]:
    """Return the fields that matching needs, the status in lower case; what follows is not read.

    Raises:
        RecordError: the bytes are not an `Endpoint`.
    """
    return record_codec(_CODEC).read_some(value, _SUMMARY)


def endpoint_head() -> bytes:
    """Return the first bytes of each record that this release writes."""
    return record_codec(_CODEC).head


__all__ = [
    "EndpointRecord",
    "RecordError",
    "decode_endpoint",
    "encode_endpoint",
    "endpoint_head",
    "split_endpoint",
    "summary_of",
]
