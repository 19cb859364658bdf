"""Schemas and bytes that are made to hurt: each is refused, in little time."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from typing import Any

import fastavro
import pytest

from plaudit.events.catalogue import CATALOGUE
from plaudit.events.decoding import EventDecoder, Undecodable
from plaudit.events.encoding import encode
from plaudit.events.examples import example
from plaudit.events.framing import SchemaId

TYPE = CATALOGUE["testimonial.deleted"]


class Says:
    """A look-up that has one text for every schema."""

    def __init__(self, text: str) -> None:
        self.text = text

    def by_fingerprint(self, fingerprint: bytes) -> str | None:
        del fingerprint
        return self.text

    def by_id(self, schema_id: SchemaId) -> str | None:
        del schema_id
        return self.text


def with_field(node: object) -> str:
    """Return the schema of an event with a field more."""
    schema = json.loads(TYPE.schema_json)
    schema["fields"].append({"name": "more", "type": node})
    return json.dumps(schema)


def nested(wrap: Callable[[Any], Any], times: int, node: Any = "string") -> Any:
    for _ in range(times):
        node = wrap(node)
    return node


def record(name: str, *types: Any) -> dict[str, Any]:
    fields = [{"name": f"f{number}", "type": each} for number, each in enumerate(types)]
    return {"type": "record", "name": name, "fields": fields}


def laughs(leaf: list[Any]) -> Any:
    """Return a record of ten records of ten records …: small, and huge when written out."""
    node = record("L0", *leaf)
    for number in range(1, 12):
        node = record(f"L{number}", node, *[f"L{number - 1}"] * 9)
    return node


def array(items: Any) -> dict[str, Any]:
    return {"type": "array", "items": items}


counter = iter(range(10_000))
HOSTILE = {
    "no JSON": "{",
    "a number": "5",
    "a list": "[]",
    "a string": '"string"',
    "a union": json.dumps([json.loads(TYPE.schema_json)]),
    "not Avro": '{"type": "record", "name": 5}',
    "no fields": '{"type": "record", "name": "x"}',
    "deep JSON": "[" * 100_000,
    "deeper than allowed": with_field(nested(lambda inner: {"type": inner}, 70)),
    "long": with_field({"type": "enum", "name": "E", "symbols": ["S" * 300_000]}),
    "99 unions": with_field(nested(lambda inner: ["null", record(f"U{next(counter)}", inner)], 20)),
    "99 arrays": with_field(nested(array, 30)),
    "many arrays": with_field(nested(array, 9)),
    "itself": with_field(record("R", "R")),
    "laughs": with_field(laughs(["string"])),
    "empty laughs": with_field(laughs([])),
    "an array of nothing": with_field(array(record("E"))),
    "an array of nulls": with_field(array("null")),
    "an array of arrays of nothing": with_field(array(array(record("E", "null", record("F"))))),
    "an array of fixed 0": with_field(array({"type": "fixed", "name": "F", "size": 0})),
    "an array that goes back": with_field(array({"type": "fixed", "name": "F", "size": -1})),
    "a negative fixed": with_field({"type": "fixed", "name": "F", "size": -9}),
    "a fixed by words": with_field({"type": "fixed", "name": "F", "size": "huge"}),
    "an unknown name": with_field("nowhere.Known"),
    "code": with_field({"type": "enum", "name": "E", "symbols": ["'+exit()+'"]}),
}


def value(body: bytes = b"") -> bytes:
    return b"\xc3\x01hostile!" + body


@pytest.mark.parametrize("name", HOSTILE)
def test_no_schema_makes_decoding_crash(name: str) -> None:
    decoder = EventDecoder(Says(HOSTILE[name]))
    body = encode(example(TYPE.name))[10:]
    for _ in range(2):
        with pytest.raises(Undecodable) as refused:
            decoder.decode(value(body + b"\0"))
        assert refused.value.reason in {
            "unresolvable_schema",
            "unknown_record",
            "trailing_bytes",
            "corrupt",
            "truncated",
        }


def test_an_unusable_schema_is_compiled_once() -> None:
    says = Says(with_field(array("null")))
    decoder = EventDecoder(says)
    with pytest.raises(Undecodable, match="no bytes") as first:
        decoder.decode(value())
    says.text = TYPE.schema_json  # what a fingerprint stands for never changes
    with pytest.raises(Undecodable) as second:
        decoder.decode(value())
    assert str(second.value) == str(first.value)


class Counted(bytes):
    """Bytes that count how often they are looked at."""

    looks = 0

    def __getitem__(self, at: Any) -> Any:
        self.looks += 1
        return super().__getitem__(at)


def test_the_work_of_decoding_is_bounded_by_the_bytes() -> None:
    schema = with_field(array({"type": "fixed", "name": "F", "size": 1}))
    out = io.BytesIO()
    record = {**example(TYPE.name).model_dump(), "more": []}
    fastavro.schemaless_writer(out, fastavro.parse_schema(json.loads(schema)), record)
    head = out.getvalue()[:-1]
    # Each block claims as many items as there are bytes, and has few of them.
    claims = b"".join(b"\xfe\x3f" for _ in range(4_000))
    looked_at = Counted(value(head + claims))
    with pytest.raises(Undecodable):
        EventDecoder(Says(schema)).decode(looked_at)
    assert looked_at.looks < 2 * len(looked_at)


@pytest.mark.parametrize("schema_id", [1 << 31, (1 << 32) - 1])
def test_an_id_that_no_registry_gives_is_another_format(schema_id: int) -> None:
    framed = b"\0" + schema_id.to_bytes(4, "big") + b"anything"
    with pytest.raises(Undecodable, match=f"unknown_format: schema id {schema_id}"):
        EventDecoder(Says(TYPE.schema_json)).decode(framed)
