"""Events through Avro and back, checked against fastavro, which knows nothing of ours."""

from __future__ import annotations

import io
import json
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import fastavro
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plaudit.events.avro.fingerprint import fingerprint
from plaudit.events.catalogue import CATALOGUE
from plaudit.events.decoding import EventDecoder, SchemaUnknown, Undecodable
from plaudit.events.encoding import encode
from plaudit.events.examples import example, example_json
from plaudit.events.framing import SchemaId
from plaudit.events.rendering import render

TYPES = list(CATALOGUE)
HEAD = 10  # bytes before the body in single-object encoding


class Known:
    """A look-up that knows one schema."""

    def __init__(self, schema: dict[str, Any]) -> None:
        self.text = json.dumps(schema)
        self.fingerprint = fingerprint(schema)

    def by_fingerprint(self, fingerprint: bytes) -> str | None:
        return self.text if fingerprint == self.fingerprint else None

    def by_id(self, schema_id: SchemaId) -> str | None:
        return self.text if schema_id == 7 else None


def plain(value: object) -> object:
    """Return what fastavro reads in the form that subscribers get."""
    match value:
        case datetime():
            return value.isoformat(timespec="microseconds").replace("+00:00", "Z")
        case Decimal():
            return float(value)
        case UUID():
            return str(value)
        case dict():
            return {name: plain(each) for name, each in value.items()}
        case list():
            return [plain(each) for each in value]
    return value


def lower_enums(value: Any, schema: Any, names: dict[str, Any]) -> Any:
    """Put enum symbols into lower case, as the schema says which they are."""
    if isinstance(schema, list):
        if value is None:
            return None
        return lower_enums(value, next(each for each in schema if each != "null"), names)
    if isinstance(schema, str):
        schema = names.get(schema, schema)
    if not isinstance(schema, dict):
        return value
    if "name" in schema:
        names[schema["name"]] = schema
    match schema["type"]:
        case "enum":
            return value.lower()
        case "record":
            return {
                field["name"]: lower_enums(value[field["name"]], field["type"], names)
                for field in schema["fields"]
            }
        case "array":
            return [lower_enums(each, schema["items"], names) for each in value]
    return value


@pytest.mark.parametrize("name", TYPES)
def test_our_reader_decodes_like_the_reference_reader(name: str) -> None:
    event = example(name)
    value = encode(event)
    schema = json.loads(CATALOGUE[name].schema_json)
    body = io.BytesIO(value[HEAD:])
    other: Any = fastavro.schemaless_reader(body, fastavro.parse_schema(schema), None)
    expected = plain(lower_enums(other, json.loads(CATALOGUE[name].schema_json), {}))
    assert isinstance(expected, dict)
    meta = expected.pop("meta")
    decoded = EventDecoder().decode(value)
    assert decoded.event_id == meta.pop("event_id") == str(event.meta.event_id)
    assert decoded.timestamp == meta.pop("occurred_at")
    assert decoded.data == {**meta, **expected}
    assert decoded.type == name
    assert decoded.subject == CATALOGUE[name].key_of(event).decode()


@pytest.mark.parametrize("name", TYPES)
def test_a_webhook_is_an_envelope_and_data_that_does_not_repeat_it(name: str) -> None:
    body = json.loads(render(EventDecoder().decode(encode(example(name)))))
    assert list(body) == ["id", "type", "timestamp", "data"]
    assert not {"meta", "event_id", "occurred_at"} & body["data"].keys()


@pytest.mark.parametrize("name", TYPES)
def test_an_example_is_one_line_that_the_model_reads_back(name: str) -> None:
    line = example_json(name)
    assert "\n" not in line
    assert CATALOGUE[name].model.model_validate_json(line) == example(name)


@pytest.mark.parametrize("name", TYPES)
def test_an_event_that_is_cut_off_anywhere_is_recognized(name: str) -> None:
    value = encode(example(name))
    decoder = EventDecoder()
    for end in range(len(value)):
        with pytest.raises(Undecodable) as cut:
            decoder.decode(value[:end])
        assert cut.value.reason in {"truncated", "no_value", "corrupt"}


@settings(max_examples=150, deadline=None)
@given(noise=st.binary(max_size=300), name=st.sampled_from(TYPES))
def test_no_bytes_make_decoding_crash(noise: bytes, name: str) -> None:
    head = encode(example(name))[:HEAD]
    for value in (noise, head + noise):
        try:
            EventDecoder().decode(value)
        except (Undecodable, SchemaUnknown):
            continue


@settings(max_examples=150, deadline=None)
@given(name=st.sampled_from(TYPES), data=st.data())
def test_no_flipped_byte_makes_decoding_crash(name: str, data: st.DataObject) -> None:
    value = bytearray(encode(example(name)))
    place = data.draw(st.integers(0, len(value) - 1))
    value[place] = data.draw(st.integers(0, 255))
    try:
        EventDecoder().decode(bytes(value))
    except (Undecodable, SchemaUnknown):
        return


def test_bytes_behind_the_end_are_refused() -> None:
    with pytest.raises(Undecodable, match="trailing_bytes"):
        EventDecoder().decode(encode(example(TYPES[0])) + b"\0")


def test_both_wire_formats_are_distinguished_by_the_first_byte() -> None:
    event = example("testimonial.approved")
    known = Known(json.loads(CATALOGUE["testimonial.approved"].schema_json))
    framed = encode(event, schema_id=7)
    assert framed[:5] == b"\x00\x00\x00\x00\x07"
    decoder = EventDecoder(known)
    assert decoder.decode(framed) == decoder.decode(encode(event))
    with pytest.raises(SchemaUnknown, match="id 8"):
        decoder.decode(encode(event, schema_id=8))


def test_an_unknown_fingerprint_is_a_matter_of_deployment_not_poison() -> None:
    value = encode(example("testimonial.approved"))
    with pytest.raises(SchemaUnknown, match="plaudit schemas register"):
        EventDecoder().decode(value[:2] + b"\x01" * 8 + value[HEAD:])


def written_with(schema: dict[str, Any], record: dict[str, Any]) -> tuple[bytes, Known]:
    out = io.BytesIO()
    out.write(b"\xc3\x01" + fingerprint(schema))
    parsed = fastavro.parse_schema(json.loads(json.dumps(schema)))
    fastavro.schemaless_writer(out, parsed, record)
    return out.getvalue(), Known(schema)


def test_fields_missing_from_an_older_writer_have_their_defaults() -> None:
    schema = json.loads(CATALOGUE["testimonial.approved"].schema_json)
    dropped = [field for field in schema["fields"] if field["name"] == "approved_by"]
    assert dropped[0]["default"] is None
    schema["fields"] = [field for field in schema["fields"] if field not in dropped]
    event = example("testimonial.approved")
    value, known = written_with(schema, event.model_dump())
    decoded = EventDecoder(known).decode(value)
    assert decoded.data["approved_by"] is None
    assert decoded.event_id == str(event.meta.event_id)


def test_a_record_of_a_newer_writer_is_read_without_unknown_fields() -> None:
    schema = json.loads(CATALOGUE["testimonial.deleted"].schema_json)
    schema["fields"].append({"name": "new", "type": {"type": "map", "values": "string"}})
    [reason] = [field for field in schema["fields"] if field["name"] == "reason"]
    reason["type"]["symbols"].append("LOST_AT_SEA")
    record = {**example("testimonial.deleted").model_dump(), "new": {"a": "b"}}
    record["reason"] = "LOST_AT_SEA"
    value, known = written_with(schema, record)
    data = EventDecoder(known).decode(value).data
    assert "new" not in data
    assert data["reason"] == "unknown"


def test_an_invalid_event_id_is_refused() -> None:
    schema = json.loads(CATALOGUE["testimonial.deleted"].schema_json)
    del schema["fields"][0]["type"]["fields"][0]["type"]["logicalType"]
    record = example("testimonial.deleted").model_dump()
    record["meta"]["event_id"] = "x\r\nx-injected: 1"
    value, known = written_with(schema, record)
    with pytest.raises(Undecodable, match="not a UUID"):
        EventDecoder(known).decode(value)


def test_a_registered_record_of_another_system_is_refused() -> None:
    schema = {"type": "record", "name": "Stranger", "namespace": "x", "fields": []}
    value, known = written_with(schema, {})
    with pytest.raises(Undecodable, match=r"x\.Stranger is not an event"):
        EventDecoder(known).decode(value)


def test_keys_of_new_events_are_uuids() -> None:
    event = example("testimonial.approved")
    moved = event.model_copy(update={"meta": event.meta.model_copy(update={"event_id": uuid4()})})
    assert EventDecoder().decode(encode(moved)).event_id == str(moved.meta.event_id)
