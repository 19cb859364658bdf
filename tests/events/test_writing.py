"""Compiled writers write what another implementation of Avro writes."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import fastavro
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plaudit.events.avro.template import Placeholder, compile_template
from plaudit.events.avro.varint import long_at, long_bytes
from plaudit.events.avro.writer_codegen import (
    Unwritable,
    compile_writer,
    decimal_bytes,
    time_bytes,
    uuid_bytes,
)
from plaudit.events.base import RecordModel
from plaudit.events.catalogue import CATALOGUE
from plaudit.events.decoding import SINGLE_HEAD
from plaudit.events.encoding import encode
from plaudit.events.examples import example
from plaudit.events.models.event import EventModel


def by_fastavro(schema: Any, value: object) -> bytes:
    out = io.BytesIO()
    fastavro.schemaless_writer(out, fastavro.parse_schema(schema), value)
    return out.getvalue()


def schema_of(name: str) -> Any:
    return json.loads(CATALOGUE[name].schema_json)


@pytest.mark.parametrize("name", CATALOGUE)
def test_a_full_and_a_minimal_example_are_written_as_by_fastavro(name: str) -> None:
    full = example(name)
    # What has a default is left out, in nested records too.
    sparse = type(full).model_validate(required(full))
    for event in (full, sparse):
        assert encode(event)[SINGLE_HEAD:] == by_fastavro(schema_of(name), event.model_dump())


def required(model: Any) -> Any:
    """Return only the fields of a model that have no default."""
    if isinstance(model, tuple):
        return tuple(required(each) for each in model)
    if not hasattr(type(model), "model_fields"):
        return model
    fields = type(model).model_fields
    return {
        name: required(getattr(model, name))
        for name, field in fields.items()
        if field.is_required()
    }


@given(st.integers(-(2**63), 2**63 - 1))
def test_numbers_are_written_as_by_fastavro(number: int) -> None:
    written = long_bytes(number)
    assert written == by_fastavro("long", number)
    assert long_at(written + b"\0" * 8, 0) == (number, len(written))


@given(st.datetimes(timezones=st.just(UTC)))
def test_times_are_written_as_by_fastavro(moment: datetime) -> None:
    schema = {"type": "long", "logicalType": "timestamp-micros"}
    assert time_bytes(moment) == by_fastavro(schema, moment)


@given(st.decimals(-10_000_000, 10_000_000, places=2))
def test_decimals_are_written_as_fastavro_reads_them(value: Decimal) -> None:
    schema = {"type": "bytes", "logicalType": "decimal", "precision": 12, "scale": 2}
    written = by_fastavro(schema, value)
    read: Any = fastavro.schemaless_reader(
        io.BytesIO(decimal_bytes(value)), fastavro.parse_schema(schema), None
    )
    assert read == value
    assert len(decimal_bytes(value)) <= len(written)


@given(st.uuids())
def test_ids_are_written_as_by_fastavro(value: Any) -> None:
    assert uuid_bytes(value) == by_fastavro({"type": "string", "logicalType": "uuid"}, value)


@given(st.text(max_size=300), st.dictionaries(st.text(), st.text(), max_size=5))
def test_texts_of_any_length_and_maps_are_written_as_by_fastavro(
    text: str, more: dict[str, str]
) -> None:
    schema = {
        "type": "record",
        "name": "R",
        "fields": [
            {"name": "text", "type": ["null", "string"]},
            {"name": "more", "type": {"type": "map", "values": "string"}},
        ],
    }

    class Model:
        def __init__(self) -> None:
            self.text, self.more = text, more

    written = compile_writer(schema)(Model())
    assert written == by_fastavro(schema, {"text": text, "more": more})


@pytest.mark.parametrize(
    "kind",
    [
        {"type": "long", "logicalType": "time-micros"},
        ["string", "null"],
        {"type": "fixed", "name": "F", "size": 4},
    ],
)
def test_a_type_that_no_event_has_is_refused_when_the_writer_is_made(kind: Any) -> None:
    schema = {"type": "record", "name": "R", "fields": [{"name": "x", "type": kind}]}
    with pytest.raises(Unwritable):
        compile_writer(schema)


def test_a_model_of_another_type_raises() -> None:
    event: EventModel = example("testimonial.approved")
    with pytest.raises(KeyError):
        compile_writer(CATALOGUE["form.completed"].schema)(event)


def places(model: Any, way: tuple[str, ...] = ()) -> dict[tuple[str, ...], object]:
    """Return what stands in a model and the models in it, by the way there."""
    if not isinstance(model, RecordModel):
        return {way: model}
    found: dict[tuple[str, ...], object] = {}
    for name in type(model).model_fields:
        found |= places(getattr(model, name), (*way, name))
    return found


@given(st.sampled_from([*CATALOGUE]), st.data())
def test_a_filled_template_is_the_event(name: str, data: st.DataObject) -> None:
    event, schema = example(name), CATALOGUE[name].schema
    template, values = event.model_dump(), places(event)
    holes = data.draw(st.sets(st.sampled_from([*values])))
    for *way, last in holes:
        record = template
        for step in way:
            record = record[step]
        record[last] = Placeholder("/".join((*way, last)))
    filling = {"/".join(way): values[way] for way in holes}
    assert compile_template(schema, template)(filling) == compile_writer(schema)(event)


def test_only_records_have_holes() -> None:
    template = example("space.stats_changed").model_dump()
    template["by_platform"] = {"direct": Placeholder("direct")}
    with pytest.raises(Unwritable, match="map"):
        compile_template(CATALOGUE["space.stats_changed"].schema, template)
