"""Decoding of Kafka values into events: every wire format, every released writer schema.

The first byte identifies the format. `00` is Confluent framing (4 bytes of schema id follow). `C3`
is Avro single-object encoding (`C3 01`, then 8 bytes of fingerprint). Rarer framings of registries,
with an id in the record's headers or a longer one in front, are in `framing`. The package knows its
own schemas by fingerprint and asks the look-up for others.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, Final, NamedTuple, Protocol

from plaudit.events.avro.build_kind import built_readers
from plaudit.events.avro.reader_codegen import READ_ERRORS, Read, Unresolvable, compile_reader
from plaudit.events.avro.writers import SchemaUnfit, self_contained
from plaudit.events.catalogue import BY_RECORD, CATALOGUE, EventType
from plaudit.events.framing import Headers, SchemaId, framed_by_headers, read_id

SINGLE_OBJECT: Final = b"\xc3\x01"
CONFLUENT: Final = 0x00
_FINGERPRINT_BYTES: Final = 8
_ID_BYTES: Final = 4
SINGLE_HEAD: Final = len(SINGLE_OBJECT) + _FINGERPRINT_BYTES
_CONFLUENT_HEAD: Final = 1 + _ID_BYTES
_LAST_ID: Final = (1 << 31) - 1
_MOST_UNUSABLE: Final = 1_000
# The event's id becomes a request header, so it is validated.
_is_uuid: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE).fullmatch


@lru_cache(maxsize=4_096)
def _is_tenant(workspace_id: str) -> bool:
    """Return whether the text is a UUID; tenants are few, so results are cached."""
    return _is_uuid(workspace_id) is not None


class SchemaLookup(Protocol):
    """Look-up for writer schemas that this package does not contain. It never blocks."""

    def by_fingerprint(self, fingerprint: bytes) -> str | None:
        """Return the schema with this fingerprint (8 bytes, little endian), as JSON.

        Raises:
            SchemaUnknown: it may become known later; the message says what is missing.
        """
        ...

    def by_id(self, schema_id: SchemaId) -> str | None:
        """Return the schema with this registry id, as JSON.

        Raises:
            SchemaUnknown: it may become known later; the message says what is missing.
            Undecodable: the registry does not have it, or no registry is configured.
        """
        ...


class NoSchemas:
    """A look-up that knows no further schemas."""

    def by_fingerprint(self, fingerprint: bytes) -> str | None:
        """Return nothing."""
        del fingerprint
        return None

    def by_id(self, schema_id: SchemaId) -> str | None:
        """Return nothing."""
        del schema_id
        return None


UNDECODABLE: Final = (
    "no_value",
    "unknown_format",
    "truncated",
    "trailing_bytes",
    "corrupt",
    "unknown_record",
    "unresolvable_schema",
    "schema_unknown",
)
"""Stable codes of the reasons."""


class Undecodable(ValueError):
    """The bytes are not an event and never will be.

    Attributes:
        reason: one of `UNDECODABLE`.
        detail: description for people.
    """

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


class SchemaUnknown(LookupError):
    """The record is well-formed, but its writer's schema is unknown: a deployment must register it.

    Attributes:
        schema: the fingerprint in hexadecimal, or the registry id.
        why: what is missing, and how to provide it.
        asked: whether the source of schemas was asked; otherwise it is too early to give up.
    """

    def __init__(
        self, schema: str, why: str = "run `plaudit schemas register`", *, asked: bool = True
    ) -> None:
        super().__init__(f"schema {schema} is not known: {why}")
        self.schema = schema
        self.why = why
        self.asked = asked


class Event(NamedTuple):
    """An event as subscribers see it.

    Attributes:
        event_id: id of the event; it becomes the `webhook-id`.
        type: event type such as `testimonial.approved`.
        timestamp: time of the event, RFC 3339.
        workspace_id: workspace that owns the event.
        space_id: space of the event.
        subject: key of the Kafka record.
        data: content of `data` in the webhook.
    """

    event_id: str
    type: str
    timestamp: str
    workspace_id: str
    space_id: str
    subject: str
    data: dict[str, Any]

    def drop_data(self) -> None:
        """Drop `data` once only the event's identity and its rendered body are needed.

        Most of its memory is freed while it is still in the processor's cache.
        """
        self.data.clear()


class _Reader(NamedTuple):
    event_type: EventType
    read: Read


class EventDecoder:
    """Decodes values of event topics; compiles each schema once.

    Args:
        lookup: look-up for schemas that this package does not contain.
    """

    def __init__(self, lookup: SchemaLookup | None = None) -> None:
        self._lookup: SchemaLookup = lookup or NoSchemas()
        self._by_fingerprint: dict[bytes, _Reader] = {}
        self._by_id: dict[SchemaId, _Reader] = {}
        # Retrying an unusable schema for each of its records would cost more than the records.
        self._unusable: dict[bytes, tuple[str, str]] = {}

    def decode(self, value: bytes, headers: Callable[[], Headers] | None = None) -> Event:
        """Return the event.

        Args:
            value: value of the record.
            headers: reads the record's headers, only if the value itself names no schema.

        Raises:
            Undecodable: the record can never be decoded.
            SchemaUnknown: the record can be decoded once its schema is known.
        """
        if value[:2] == SINGLE_OBJECT and len(value) >= SINGLE_HEAD:
            name = value[2:SINGLE_HEAD]
            reader = self._by_fingerprint.get(name) or self._learn_fingerprint(name)
            return _event(reader, value, SINGLE_HEAD)
        if value[:1] == b"\x00" and len(value) >= _CONFLUENT_HEAD:
            schema_id = int.from_bytes(value[1:_CONFLUENT_HEAD], "big")
            if schema_id:
                reader = self._by_id.get(schema_id) or self._learn_id(schema_id)
                return _event(reader, value, _CONFLUENT_HEAD)
        return self._decode_rare(value, headers)

    def _decode_rare(self, value: bytes, headers: Callable[[], Headers] | None) -> Event:
        framed = value
        if headers is not None and value and value[0] not in {CONFLUENT, SINGLE_OBJECT[0]}:
            framed = framed_by_headers(value, headers())
        found = read_id(framed)
        if found is None:
            raise _no_format(value)
        schema_id, start = found
        return _event(self._by_id.get(schema_id) or self._learn_id(schema_id), framed, start)

    def _learn_fingerprint(self, name: bytes) -> _Reader:
        shipped = _SHIPPED.get(name)
        schema = shipped.schema_json if shipped else self._lookup.by_fingerprint(name)
        if schema is None:
            raise SchemaUnknown(name.hex())
        found = self._by_fingerprint[name] = self._compiled(name, schema)
        return found

    def _learn_id(self, schema_id: SchemaId) -> _Reader:
        if isinstance(schema_id, int) and not 0 < schema_id <= _LAST_ID:
            reason, said = "unknown_format", "no registry gives that id; is the framing another?"
            raise Undecodable(reason, f"schema id {schema_id} behind a zero byte: {said}")
        schema = self._lookup.by_id(schema_id)
        if schema is None:
            name = f"id {schema_id}"
            raise SchemaUnknown(name)
        found = self._by_id[schema_id] = self._compiled(f"id {schema_id}".encode(), schema)
        return found

    def _compiled(self, name: bytes, schema_json: str) -> _Reader:
        known = self._unusable.get(name)
        if known is not None:
            raise Undecodable(known[0], known[1])
        try:
            return _compile(schema_json)
        except Undecodable as error:
            if len(self._unusable) >= _MOST_UNUSABLE:
                self._unusable.clear()
            self._unusable[name] = error.reason, error.detail
            raise


_SHIPPED: Final = {each.fingerprint: each for each in CATALOGUE.values()}


def _compile(schema_json: str) -> _Reader:
    """Return the reader for a writer's schema.

    Raises:
        Undecodable: the schema is not the schema of a known event.
    """
    unusable = "unresolvable_schema"
    try:
        schema = self_contained(schema_json)
    except SchemaUnfit as unfit:
        raise Undecodable(unusable, f"what is registered can't be used: {unfit}") from unfit
    name = str(schema["name"])
    event_type = BY_RECORD.get(name)
    if event_type is None:
        reason = "unknown_record"
        raise Undecodable(reason, f"{name} is not an event of the catalogue")
    try:
        return _Reader(event_type, _read_of(schema_json, schema, event_type))
    except Unresolvable as error:
        raise Undecodable(unusable, f"{name}: {error}") from error
    except Exception as crash:  # Python's compiler has limits of its own
        raise Undecodable(unusable, f"{name}: can't be read: {crash!r}") from crash


def _read_of(schema_json: str, schema: Mapping[str, Any], event_type: EventType) -> Read:
    is_ours = json.loads(schema_json) == event_type.schema
    built = built_readers().get(event_type.fingerprint) if is_ours else None
    return built or compile_reader(schema, event_type.schema)


def _event(reader: _Reader, value: bytes, start: int) -> Event:
    try:
        record, end = reader.read(value, start)
    except READ_ERRORS as error:
        raise _cut_or_corrupt(reader, error) from error
    if end != len(value):
        reason = "truncated" if end > len(value) else "trailing_bytes"
        raise Undecodable(reason, f"{reader.event_type.name}: {len(value)} bytes, not {end}")
    subject: Any = record
    for name in reader.event_type.key_path:
        subject = subject[name]
    meta = record.pop("meta")
    event_id, timestamp = meta.pop("event_id"), meta.pop("occurred_at")
    if not _is_uuid(event_id) or not _is_tenant(meta["workspace_id"]):
        reason = "corrupt"
        raise Undecodable(reason, f"{reader.event_type.name}: an id in meta is not a UUID")
    return Event(
        event_id,
        reader.event_type.name,
        timestamp,
        meta["workspace_id"],
        meta["space_id"],
        subject,
        {**meta, **record},
    )


def _cut_or_corrupt(reader: _Reader, error: Exception) -> Undecodable:
    reason = "truncated" if isinstance(error, IndexError) else "corrupt"
    return Undecodable(reason, f"{reader.event_type.name}: {error}")


def _no_format(value: bytes) -> Undecodable:
    if not value:
        return Undecodable("no_value", "the record has no value")
    if value[0] in {CONFLUENT, SINGLE_OBJECT[0]} and len(value) < SINGLE_HEAD:
        return Undecodable("truncated", f"only {len(value)} bytes")
    hint = ", as of JSON; events are Avro" if value[:1] in {b"{", b"["} else ""
    return Undecodable("unknown_format", f"the first bytes are {value[:2].hex()}{hint}")
