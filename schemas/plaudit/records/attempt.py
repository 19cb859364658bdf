"""`DeliveryAttempt`: the line that every settled delivery has in the log."""

from __future__ import annotations

import struct
from collections.abc import Callable
from enum import StrEnum
from functools import cache, lru_cache
from operator import itemgetter
from typing import Any, Final, TypedDict

from plaudit.events.varint import long_bytes
from plaudit.events.writing import compile_writer
from plaudit.records.codec import record_codec

KEPT_ANSWER_BYTES: Final = 4 * 1024
MOST_RECIPIENTS: Final = 2_048
"""Endpoints, by type of event, whose part of a line is remembered; about 400 bytes each."""
_CODEC = "attempt"
_LENGTHS: Final = tuple(long_bytes(length) for length in range(256))
_TWO_FLOATS: Final = struct.Struct("<3sBfBf").pack  # three absent, two present


class Outcome(StrEnum):
    """What became of an attempt, in the words of the log and the API."""

    DELIVERED = "delivered"
    RETRYING = "retrying"
    DEAD = "dead"
    GONE = "gone"
    DIVERTED = "diverted"
    CANCELLED = "cancelled"


_DELIVERED: Final = "DELIVERED"
_EXPLAINS: Final = ("reason", "answer_headers", "answer_snippet", "error", "next_due_at")
"""Fields that say why something was not delivered, and what comes of it."""
_explanation: Final = itemgetter(*_EXPLAINS)
_NOTHING: Final = (None,) * len(_EXPLAINS)


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
    if attempt["outcome"] == _DELIVERED and _explanation(attempt) == _NOTHING:
        return _encode_delivered(attempt)
    return record_codec(_CODEC).encode(attempt)


def decode_attempt(value: bytes) -> dict[str, Any]:
    """Read a record of this or a neighboring release; enums come back in lower case.

    Raises:
        RecordError: the bytes are no `DeliveryAttempt`.
    """
    return record_codec(_CODEC).read(value)


def _encode_delivered(line: AttemptRecord) -> bytes:
    """Do the same at half the cost for what nearly every line tells: that all went well.

    A record is its fields, one after the other. Most are the same for an endpoint, for a partition
    or for this moment, and their bytes are kept; the others are written out here.
    """
    return b"".join(
        (
            _head(),
            _text(line["attempt_id"]),
            _text(line["delivery_id"]),
            _text(line["event_id"]),
            _recipient(
                line["event_type"],
                line["workspace_id"],
                line["endpoint_id"],
                line["endpoint_version"],
            ),
            _text(line["subject"]),
            _place(line["origin_topic"], line["origin_partition"]),
            long_bytes(line["origin_offset"]),
            _way(line["trigger"], line["number"], line["status"]),
            _moment(line["started_at"]),
            _timings(line),
            long_bytes(line["bytes_sent"]),
            _end(line["worker"]),
        )
    )


def _text(text: str) -> bytes:
    data = text.encode()
    return _LENGTHS[len(data)] + data if len(data) < len(_LENGTHS) else long_bytes(len(data)) + data


def _timings(line: AttemptRecord) -> bytes:
    """Return the five timings; on a connection that was kept, there are two."""
    first, total = line["first_byte_ms"], line["total_ms"]
    opened = line["connect_ms"] is line["dns_ms"] is line["tls_ms"] is None
    if opened and first is not None and total is not None:
        return _TWO_FLOATS(b"\0\0\0", 2, first, 2, total)
    return _part("dns_ms", "total_ms")(line)


@cache
def _part(first: str, last: str) -> Callable[[object], bytes]:
    """Return what writes some fields that follow each other, by the schema."""
    schema = record_codec(_CODEC).schema
    names = [field["name"] for field in schema["fields"]]
    fields = schema["fields"][names.index(first) : names.index(last) + 1]
    return compile_writer({**schema, "fields": fields}, mappings=True)


@cache
def _head() -> bytes:
    return record_codec(_CODEC).head


@lru_cache(maxsize=MOST_RECIPIENTS)
def _recipient(event_type: str, workspace_id: str, endpoint_id: str, version: int) -> bytes:
    return _part("event_type", "endpoint_version")(
        {
            "event_type": event_type,
            "workspace_id": workspace_id,
            "endpoint_id": endpoint_id,
            "endpoint_version": version,
        }
    )


@lru_cache(maxsize=4_096)
def _place(topic: str, partition: int) -> bytes:
    given = {"origin_topic": topic, "origin_partition": partition}
    return _part("origin_topic", "origin_partition")(given)


@lru_cache(maxsize=1_024)
def _way(trigger: str, number: int, status: int | None) -> bytes:
    given = {"trigger": trigger, "number": number, "outcome": _DELIVERED}
    return _part("trigger", "status")({**given, "reason": None, "status": status})


@lru_cache(maxsize=8)
def _moment(millis: int) -> bytes:
    return long_bytes(millis)


@cache
def _end(worker: str) -> bytes:
    given = {**dict.fromkeys(_EXPLAINS), "worker": worker}
    return _part("answer_headers", "worker")(given)
