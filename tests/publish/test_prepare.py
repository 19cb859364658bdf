"""A typed event becomes a record, or is refused before anything is sent."""

from __future__ import annotations

import pytest
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, TraceState, use_span

from plaudit.events.catalogue import CATALOGUE, lookup
from plaudit.events.decoding import EventDecoder
from plaudit.events.examples import example
from plaudit.events.models import TestimonialRejected
from plaudit.events.models.event import EventModel
from plaudit.kafka.settings import KafkaSettings
from plaudit.publish import EventTooLarge, OptionRefused, Publisher, PublishRefused
from plaudit.publish.prepare import MOST_BYTES, prepare
from plaudit.publish.trace import trace_of
from plaudit.records.names import Names
from plaudit.records.trace_context import kafka_headers

NAMES = Names("p.")
SOURCE = "/services/moderation"
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def large(size: int) -> EventModel:
    """Return an event whose Avro form has that many bytes: the reason code is free text."""
    base = example("testimonial.rejected")
    assert isinstance(base, TestimonialRejected)
    # A text's length takes 3 bytes from 2**13 characters on, and this one has more.
    empty = base.model_copy(update={"reason_code": "x" * 100_000})
    rest = len(prepare(empty, NAMES, SOURCE).value) - 100_000
    return base.model_copy(update={"reason_code": "x" * (size - rest)})


@pytest.mark.parametrize("name", CATALOGUE)
def test_every_type_has_its_topic_key_headers_and_readable_value(name: str) -> None:
    event = example(name)
    record = prepare(event, NAMES, SOURCE)
    headers = dict(record.headers)
    assert record.topic == f"p.{lookup(name).entity}"
    assert record.key == headers["ce_subject"]
    assert headers["ce_type"] == name.encode()
    assert headers["ce_source"] == SOURCE.encode()
    decoded = EventDecoder().decode(record.value)
    assert decoded.event_id.encode() == headers["ce_id"]
    assert decoded.subject.encode() == record.key


def test_with_a_registry_the_value_is_framed_with_the_schemas_id() -> None:
    assert prepare(example("form.completed"), NAMES, SOURCE, None, 7).value[:5] == b"\0\0\0\0\x07"


def test_the_trace_is_in_the_headers_and_only_when_there_is_one() -> None:
    event = example("form.completed")
    trace = trace_of(TRACE)
    assert dict(prepare(event, NAMES, SOURCE, trace).headers)["traceparent"] == TRACE.encode()
    assert "traceparent" not in dict(prepare(event, NAMES, SOURCE).headers)


def test_the_current_span_is_passed_on_with_its_state() -> None:
    state = TraceState([("vendor", "1")])
    parent = SpanContext(1, 2, is_remote=True, trace_flags=TraceFlags(1), trace_state=state)
    with use_span(NonRecordingSpan(parent)):
        assert kafka_headers(trace_of(None)) == [
            ("traceparent", b"00-%032x-%016x-01" % (1, 2)),
            ("tracestate", b"vendor=1"),
        ]


@pytest.mark.parametrize("trace", ["", "abc", TRACE.upper(), f"{TRACE}\n", f"{TRACE}-00"])
def test_an_invalid_trace_context_is_refused(trace: str) -> None:
    with pytest.raises(OptionRefused, match="traceparent: not of the form"):
        trace_of(trace)


def test_an_event_at_the_limit_is_taken_and_one_byte_more_is_refused() -> None:
    assert len(prepare(large(MOST_BYTES), NAMES, SOURCE).value) == MOST_BYTES
    with pytest.raises(EventTooLarge) as caught:
        prepare(large(MOST_BYTES + 1), NAMES, SOURCE)
    assert (caught.value.size, caught.value.limit) == (524_289, 524_288)
    assert "524,289 bytes of Avro, 524,288 are allowed" in str(caught.value)


@pytest.mark.parametrize("source", ["", "two words", "/a\nb", "/ü", "x" * 513])
def test_a_source_that_is_not_a_uri_reference_is_refused(source: str) -> None:
    with pytest.raises(PublishRefused, match="source: "):
        Publisher(KafkaSettings(bootstrap_servers="127.0.0.1:1"), source=source)
