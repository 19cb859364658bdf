"""Code that is written out for speed, against the libraries that it replaces."""

from __future__ import annotations

import io
import os
from typing import Any, cast
from uuid import RFC_4122, UUID, uuid5

import fastavro
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plaudit.events.ids import IdSequence, new_id_text
from plaudit.records.attempt import (
    AttemptRecord,
    decode_attempt,
    encode_attempt,
    encode_delivered,
)
from plaudit.records.codec import record_codec
from plaudit.records.delivery_id import delivery_id

TEXT = st.text(max_size=200)
LONG = st.integers(-(2**63), 2**63 - 1)
INT = st.integers(-(2**31), 2**31 - 1)
FLOAT = st.floats(width=32, allow_nan=False)
SCHEMA = record_codec("attempt").schema
OF_TYPE: dict[str, st.SearchStrategy[Any]] = {
    "string": TEXT,
    "long": LONG,
    "int": INT,
    "float": FLOAT,
    "bytes": st.binary(max_size=200),
}


def values(node: Any) -> st.SearchStrategy[Any]:
    match node:
        case [*branches]:
            return st.one_of(*[values(each) for each in branches])
        case {"type": "enum", "symbols": symbols}:
            return st.sampled_from(symbols)
        case {"type": "map"}:
            return st.dictionaries(TEXT, TEXT, max_size=4)
        case "null":
            return st.none()
        case str():
            return OF_TYPE[node]
    raise AssertionError(node)


RECORDS = st.fixed_dictionaries({each["name"]: values(each["type"]) for each in SCHEMA["fields"]})


# What nearly every line is: delivered, nothing to explain, often on a connection that was kept.
DELIVERED = st.builds(
    lambda record, given: record | given,
    RECORDS,
    st.fixed_dictionaries(
        {
            "outcome": st.just("DELIVERED"),
            "status": st.integers(200, 299),
            **dict.fromkeys(
                ("reason", "answer_headers", "answer_snippet", "error", "next_due_at"), st.none()
            ),
        },
        optional=dict.fromkeys(("dns_ms", "connect_ms", "tls_ms"), st.none()),
    ),
)


@given(RECORDS | DELIVERED)
def test_an_attempt_is_written_byte_for_byte_as_fastavro_writes_it(record: dict[str, Any]) -> None:
    out = io.BytesIO()
    fastavro.schemaless_writer(out, fastavro.parse_schema(SCHEMA), record)
    written = encode_attempt(cast("AttemptRecord", record))
    assert written[10:] == out.getvalue()
    assert decode_attempt(written)["worker"] == record["worker"]


@given(DELIVERED)
def test_an_attempt_record_from_a_template_equals_one_written_field_by_field(
    record: dict[str, Any],
) -> None:
    def parts(*names: str) -> Any:
        return tuple(record[name] for name in names)

    written = encode_delivered(
        parts("attempt_id", "delivery_id", "event_id"),
        parts("event_type", "workspace_id", "endpoint_id", "endpoint_version"),
        record["subject"],
        parts("origin_topic", "origin_partition", "origin_offset"),
        parts("trigger", "number", "status"),
        parts("started_at", "bytes_sent"),
        parts("dns_ms", "connect_ms", "tls_ms", "first_byte_ms", "total_ms"),
        record["worker"],
    )
    assert written == encode_attempt(cast("AttemptRecord", record))


@given(st.uuids(), st.text(max_size=60))
def test_a_delivery_id_is_the_uuid5_of_event_and_endpoint(event: UUID, endpoint: str) -> None:
    assert delivery_id(str(event), endpoint) == str(uuid5(event, endpoint))


def test_an_invalid_event_id_makes_no_delivery_id() -> None:
    with pytest.raises(ValueError, match="non-hexadecimal"):
        delivery_id("no uuid", "x")


def test_ids_as_text_are_version_7_and_differ() -> None:
    made = [new_id_text() for _ in range(1_000)]
    assert len(set(made)) == 1_000
    assert all(UUID(each).version == 7 and str(UUID(each)) == each for each in made)


def test_ids_of_a_sequence_are_version_7_and_differ_within_one_millisecond(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    millis = 1_764_000_000_123
    monkeypatch.setattr("time.time_ns", lambda: millis * 1_000_000)
    ids = IdSequence()
    made = [ids.next() for _ in range(10_000)]
    assert len(set(made)) == 10_000
    for each in map(UUID, made):
        assert (each.version, each.variant, each.int >> 80) == (7, RFC_4122, millis)
    assert str(UUID(made[0])) == made[0]


def test_two_sequences_give_different_ids() -> None:
    one, other = IdSequence(), IdSequence()
    assert not {one.next() for _ in range(5_000)} & {other.next() for _ in range(5_000)}


def test_a_child_process_does_not_continue_its_parents_ids() -> None:
    reading, writing = os.pipe()
    if not (child := os.fork()):
        os.write(writing, "".join(new_id_text()[-12:] for _ in range(50)).encode())
        os._exit(0)
    os.waitpid(child, 0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        theirs = pipe.read()
    assert len(theirs) == 600
    assert not any(new_id_text()[-12:] in theirs for _ in range(50))
