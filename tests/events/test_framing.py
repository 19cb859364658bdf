"""Ids of writers' schemas as other serializers write them: longer ones, GUIDs, and in headers."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from plaudit.events.catalogue import CATALOGUE
from plaudit.events.decoding import EventDecoder, SchemaUnknown, Undecodable
from plaudit.events.encoding import encode
from plaudit.events.examples import example
from plaudit.events.framing import GlobalId, Headers, SchemaId
from plaudit.events.registry.addresses import schema_address
from plaudit.events.registry.errors import SchemaUnusable

TYPE = CATALOGUE["testimonial.deleted"]
EXPECTED = EventDecoder().decode(encode(example(TYPE.name)))
BODY = encode(example(TYPE.name))[10:]
GUID = UUID("89791762-2336-4186-9674-299b90a802e2")


class Knows:
    """A look-up that knows one id."""

    def __init__(self, schema_id: SchemaId) -> None:
        self.schema_id = schema_id

    def by_fingerprint(self, fingerprint: bytes) -> str | None:
        del fingerprint
        return None

    def by_id(self, schema_id: SchemaId) -> str | None:
        same = type(schema_id) is type(self.schema_id) and schema_id == self.schema_id
        return TYPE.schema_json if same else None


def number(value: int, size: int = 8) -> bytes:
    return value.to_bytes(size, "big")


@pytest.mark.parametrize(
    ("schema_id", "head"),
    [
        (7, b"\0" + number(7, 4)),
        (GlobalId(7), b"\0" + number(7)),
        (GlobalId((1 << 32) - 1), b"\0" + number((1 << 32) - 1)),
        (GUID, b"\1" + GUID.bytes),
    ],
)
def test_an_id_in_front_of_the_value_is_read(schema_id: SchemaId, head: bytes) -> None:
    assert EventDecoder(Knows(schema_id)).decode(head + BODY) == EXPECTED


@pytest.mark.parametrize(
    ("schema_id", "headers"),
    [
        (7, [("apicurio.value.contentId", number(7))]),
        (GlobalId(9), [("apicurio.value.globalId", number(9))]),
        (7, [("apicurio.value.globalId", number(9)), ("apicurio.value.contentId", number(7))]),
        (7, [("apicurio.value.encoding", b"BINARY"), ("apicurio.value.contentId", number(7))]),
        (GUID, [("ce_id", b"x"), ("__value_schema_id", b"\1" + GUID.bytes)]),
        (7, [("__value_schema_id", b"\0" + number(7, 4))]),
    ],
)
def test_an_id_in_the_headers_is_read(schema_id: SchemaId, headers: Headers) -> None:
    assert EventDecoder(Knows(schema_id)).decode(BODY, lambda: headers) == EXPECTED


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [("apicurio.value.contentId", b"")],
        [("apicurio.value.contentId", number(1 << 40))],
        [("apicurio.value.globalId", number(1 << 40))],
        [("apicurio.value.encoding", b"JSON"), ("apicurio.value.contentId", number(7))],
        [("__value_schema_id", b"\1" + GUID.bytes[:-1])],
        [("__value_schema_id", b"\2" + GUID.bytes)],
        [("__key_schema_id", b"\1" + GUID.bytes)],
    ],
)
def test_headers_without_a_usable_id_change_nothing(headers: Headers) -> None:
    with pytest.raises(Undecodable, match="unknown_format: the first bytes are 48"):
        EventDecoder(Knows(7)).decode(BODY, lambda: headers)


def test_headers_are_not_read_where_the_value_names_its_schema() -> None:
    def never() -> Any:
        raise AssertionError

    decoder = EventDecoder(Knows(7))
    assert decoder.decode(encode(example(TYPE.name)), never) == EXPECTED
    assert decoder.decode(encode(example(TYPE.name), schema_id=7), never) == EXPECTED


def test_an_unknown_long_id_waits_as_any_other() -> None:
    with pytest.raises(SchemaUnknown, match="schema id global 8 is not known"):
        EventDecoder(Knows(7)).decode(b"\0" + number(8) + BODY)


@pytest.mark.parametrize("value", [b"\0" * 9 + BODY, b"\0" * 30])
def test_zeros_are_not_an_id(value: bytes) -> None:
    with pytest.raises(Undecodable, match="unknown_format: the first bytes are 0000"):
        EventDecoder(Knows(7)).decode(value)


def test_json_is_named() -> None:
    with pytest.raises(Undecodable, match="7b22, as of JSON; events are Avro"):
        EventDecoder().decode(b'{"meta": {}}', list)


def test_each_kind_of_id_has_its_address() -> None:
    apicurio = "https://user:word@r.example/apis/ccompat/v7"
    assert schema_address(apicurio, 7) == f"{apicurio}/schemas/ids/7"
    assert schema_address(apicurio, GUID) == f"{apicurio}/schemas/guids/{GUID}"
    own = "https://user:word@r.example/apis/registry/v2/ids/globalIds/7?dereference=true"
    assert schema_address(apicurio, GlobalId(7)) == own
    with pytest.raises(SchemaUnusable, match="schema id global 7 is Apicurio's"):
        schema_address("https://r.example", GlobalId(7))
