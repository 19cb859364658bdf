"""`DeliveryAttempt`: the attempt record of a settled delivery."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Mapping
from enum import StrEnum
from functools import cache, lru_cache
from typing import Any, Final, NamedTuple, TypeAlias, TypedDict

from plaudit.events.avro.varint import long_bytes
from plaudit.events.avro.writer_codegen import compile_writer
from plaudit.events.encoding import confluent_head
from plaudit.records.codec import HEAD_BYTES, MARKER, record_codec
from plaudit.records.names import Header

KEPT_ANSWER_BYTES: Final = 4 * 1024
MOST_RECIPIENTS: Final = 2_048
"""Cache size for the constant part of a record, one entry per endpoint and event type.

An entry takes about 400 bytes.
"""
_CODEC = "attempt"
_CONFLUENT_BYTES: Final = len(confluent_head(0))
_is_fingerprint: Final = re.compile(r"[0-9a-f]{16}").fullmatch
_LENGTHS: Final = tuple(long_bytes(length) for length in range(256))
_DURATIONS: Final = ("dns_ms", "connect_ms", "tls_ms", "first_byte_ms", "total_ms")
_TWO_FLOATS: Final = struct.Struct("<3sBfBf").pack  # three absent, two present


class Outcome(StrEnum):
    """Outcome of an attempt, with the values that the log and the API show."""

    DELIVERED = "delivered"
    RETRYING = "retrying"
    DEAD = "dead"
    GONE = "gone"
    DIVERTED = "diverted"
    CANCELLED = "cancelled"


Recipient: TypeAlias = "tuple[str, str, str, int]"
"""Event type, workspace id, endpoint id and endpoint version."""
Way: TypeAlias = "tuple[str, int, int]"
"""Trigger in upper case, attempt number, HTTP status."""
Durations: TypeAlias = "tuple[float | None, float | None, float | None, float | None, float | None]"
"""Durations in milliseconds, in the order of the fields from `dns_ms` to `total_ms`."""


class AttemptRecord(TypedDict):
    """The Avro record, field by field as `avro/attempt.avsc` documents it.

    It is a plain mapping, not a dataclass, because it is encoded as it is.
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


class AttemptFraming(NamedTuple):
    """Framing of attempt records for readers that only know a registry's ids.

    Attributes:
        head: Confluent framing, which takes the place of marker and fingerprint.
        headers: header with the fingerprint, for readers of ours.
    """

    head: bytes
    headers: list[tuple[str, bytes]]

    def framed(self, line: bytes) -> tuple[bytes, list[tuple[str, bytes]]]:
        """Return a record in this framing, and its headers."""
        return self.head + line[HEAD_BYTES:], self.headers


def confluent_framing(schema_id: int) -> AttemptFraming:
    """Return the framing with a registry's id of this release's schema."""
    fingerprint = _head()[len(MARKER) :].hex().encode()
    return AttemptFraming(confluent_head(schema_id), [(Header.SCHEMA, fingerprint)])


def single_object(value: bytes, headers: Mapping[str, bytes]) -> bytes:
    """Return an attempt record in single-object encoding, in whichever framing it was written.

    Without the header, the schema is taken to be the one of this release.
    """
    if value[:1] != b"\0":
        return value
    named = headers.get(Header.SCHEMA, b"").decode("ascii", "replace")
    head = MARKER + bytes.fromhex(named) if _is_fingerprint(named) else _head()
    return head + value[_CONFLUENT_BYTES:]


def encode_attempt(attempt: AttemptRecord) -> bytes:
    """Return the record in Avro single-object encoding."""
    return record_codec(_CODEC).encode(attempt)


def decode_attempt(value: bytes) -> dict[str, Any]:
    """Read a record of this or a neighboring release; enums come back in lower case.

    Raises:
        RecordError: the bytes are not a `DeliveryAttempt`.
    """
    return record_codec(_CODEC).read(value)


def encode_delivered(
    ids: tuple[str, str, str],
    recipient: Recipient,
    subject: str,
    origin: tuple[str, int, int],
    way: Way,
    sent: tuple[int, int],
    durations: Durations,
    worker: str,
) -> bytes:
    """Encode a successful attempt (the fast path; others use `encode_attempt`).

    An Avro record is the concatenation of its fields. The bytes of fields that repeat per endpoint,
    partition or moment are cached; only the others are encoded here.

    Args:
        ids: ids of the attempt, the delivery and the event.
        recipient: event type, workspace, endpoint and endpoint version.
        subject: subject of the event.
        origin: topic, partition and offset of the record.
        way: trigger, attempt number and HTTP status.
        sent: start of the attempt in epoch milliseconds, and size of the request in bytes.
        durations: duration of each phase in milliseconds.
        worker: name of the worker that made the attempt.
    """
    return b"".join(
        (
            _head(),
            _text(ids[0]),
            _text(ids[1]),
            _text(ids[2]),
            _recipient(recipient),
            _text(subject),
            _place(origin[0], origin[1]),
            long_bytes(origin[2]),
            _way(way),
            _moment(sent[0]),
            _durations(durations),
            long_bytes(sent[1]),
            _end(worker),
        )
    )


def _text(text: str) -> bytes:
    data = text.encode()
    return _LENGTHS[len(data)] + data if len(data) < len(_LENGTHS) else long_bytes(len(data)) + data


def _durations(durations: Durations) -> bytes:
    """Return the five durations; a reused connection has only two."""
    dns, connect, tls, first, total = durations
    if dns is connect is tls is None and first is not None and total is not None:
        return _TWO_FLOATS(b"\0\0\0", 2, first, 2, total)
    return _part("dns_ms", "total_ms")(dict(zip(_DURATIONS, durations, strict=True)))


@cache
def _part(first: str, last: str) -> Callable[[object], bytes]:
    """Return a function that encodes some consecutive fields of the schema."""
    schema = record_codec(_CODEC).schema
    names = [field["name"] for field in schema["fields"]]
    fields = schema["fields"][names.index(first) : names.index(last) + 1]
    return compile_writer({**schema, "fields": fields}, mappings=True)


@cache
def _head() -> bytes:
    return record_codec(_CODEC).head


@lru_cache(maxsize=MOST_RECIPIENTS)
def _recipient(recipient: Recipient) -> bytes:
    names = ("event_type", "workspace_id", "endpoint_id", "endpoint_version")
    return _part(names[0], names[-1])(dict(zip(names, recipient, strict=True)))


@lru_cache(maxsize=4_096)
def _place(topic: str, partition: int) -> bytes:
    given = {"origin_topic": topic, "origin_partition": partition}
    return _part("origin_topic", "origin_partition")(given)


@lru_cache(maxsize=1_024)
def _way(way: Way) -> bytes:
    given = {"trigger": way[0], "number": way[1], "outcome": Outcome.DELIVERED.upper()}
    return _part("trigger", "status")({**given, "reason": None, "status": way[2]})


@lru_cache(maxsize=8)
def _moment(millis: int) -> bytes:
    return long_bytes(millis)


@cache
def _end(worker: str) -> bytes:
    explained = ("answer_headers", "answer_snippet", "error", "next_due_at")
    given = {**dict.fromkeys(explained), "worker": worker}
    return _part("answer_headers", "worker")(given)
