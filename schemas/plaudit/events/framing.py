"""Framings in which serializers of schema registries name the writer's schema.

| framing | written by |
|---|---|
| `00`, id in 4 bytes | Confluent's serializers, Apicurio's since 3.0 |
| `00`, global id in 8 bytes | Apicurio's serializers before 3.0, with headers switched off |
| `01`, GUID in 16 bytes | Confluent's, with GUIDs in front of the value |
| header `__value_schema_id` | Confluent's, with `HeaderSchemaIdSerializer` |
| headers `apicurio.value.…` | Apicurio's before 3.0, or with headers switched on |

An id in a header is moved to the front of the value, into one of the first three forms.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple
from uuid import UUID

Headers = Sequence[tuple[str, bytes]]

CONFLUENT_HEADER: Final = "__value_schema_id"
CONTENT_ID_HEADER: Final = "apicurio.value.contentId"
GLOBAL_ID_HEADER: Final = "apicurio.value.globalId"
ENCODING_HEADER: Final = "apicurio.value.encoding"
_ID_HEAD: Final = 1 + 4
_LONG_ID_HEAD: Final = 1 + 8
_GUID_HEAD: Final = 1 + 16


class GlobalId(NamedTuple):
    """A global id of Apicurio's, which numbers versions; its content ids number schemas."""

    number: int

    def __str__(self) -> str:
        return f"global {self.number}"


SchemaId = int | GlobalId | UUID
"""Id in a registry: a number as in Confluent's API, Apicurio's global id, or a GUID."""


def read_id(value: bytes) -> tuple[SchemaId, int] | None:
    """Return the id in front of a value, and where the value's Avro begins; None without an id.

    Confluent's registry numbers from 1. So four zero bytes are the upper half of a longer id.
    """
    kind = value[:1]
    if kind == b"\x00" and len(value) >= _ID_HEAD and any(value[1:_ID_HEAD]):
        return int.from_bytes(value[1:_ID_HEAD], "big"), _ID_HEAD
    if kind == b"\x00" and len(value) >= _LONG_ID_HEAD and any(value[_ID_HEAD:_LONG_ID_HEAD]):
        return GlobalId(int.from_bytes(value[1:_LONG_ID_HEAD], "big")), _LONG_ID_HEAD
    if kind == b"\x01" and len(value) >= _GUID_HEAD:
        return UUID(bytes=value[1:_GUID_HEAD]), _GUID_HEAD
    return None


def framed_by_headers(value: bytes, headers: Headers) -> bytes:
    """Return a value with the schema id of its headers in front; as it is without one."""
    given = dict(headers)
    if given.get(ENCODING_HEADER, b"BINARY").upper() != b"BINARY":
        return value
    confluent = given.get(CONFLUENT_HEADER, b"")
    if (confluent[:1], len(confluent)) in {(b"\x00", _ID_HEAD), (b"\x01", _GUID_HEAD)}:
        return confluent + value
    content_id = int.from_bytes(given.get(CONTENT_ID_HEADER, b""), "big")
    if 0 < content_id < 1 << 31:
        return b"\x00" + content_id.to_bytes(4, "big") + value
    global_id = int.from_bytes(given.get(GLOBAL_ID_HEADER, b""), "big")
    if 0 < global_id < 1 << 32:
        return b"\x00" + global_id.to_bytes(8, "big") + value
    return value
