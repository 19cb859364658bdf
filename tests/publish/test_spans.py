"""Spans of publishing: made by the application's own OpenTelemetry, ended by the brokers."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from plaudit.events.examples import example
from plaudit.kafka.errors import KafkaUnavailable
from plaudit.publish import PublishRefused
from plaudit.publish.testing import RecordingPublisher
from publish.test_prepare import TRACE, large


@pytest.fixture
def exporter(monkeypatch: pytest.MonkeyPatch) -> Iterator[InMemorySpanExporter]:
    """The spans of an application that has configured the SDK."""
    kept, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(kept))
    monkeypatch.setattr(trace, "get_tracer", provider.get_tracer)
    yield kept
    provider.shutdown()


def test_a_published_event_is_a_span_below_the_current_one(exporter: InMemorySpanExporter) -> None:
    publisher = RecordingPublisher()
    with trace.get_tracer("app").start_as_current_span("order"):
        publisher.publish(example("form.completed")).result(5)
        with publisher.transaction() as batch:
            batch.publish(example("form.completed"))
    one, other, order = exporter.get_finished_spans()
    assert {one.name, other.name} == {"publish plaudit.forms"}
    for span, record in zip((one, other), publisher.records, strict=True):
        assert span.kind is trace.SpanKind.PRODUCER
        assert span.parent == order.context
        ids = span.context
        assert ids is not None
        sent = f"00-{ids.trace_id:032x}-{ids.span_id:016x}-{ids.trace_flags:02x}"
        assert record.traceparent == sent


def test_a_failure_is_the_error_of_its_span(exporter: InMemorySpanExporter) -> None:
    publisher = RecordingPublisher()
    publisher.fail(KafkaUnavailable("publish"))
    failed = publisher.publish(example("form.completed"))
    assert isinstance(failed.exception(5), KafkaUnavailable)
    with pytest.raises(PublishRefused):
        publisher.publish(large(600_000))
    publisher.fail(KafkaUnavailable("publish"))
    with pytest.raises(KafkaUnavailable), publisher.transaction() as batch:
        batch.publish(example("form.completed"))
    assert [each.status.is_ok for each in exporter.get_finished_spans()] == [False] * 3


def test_a_context_of_the_caller_makes_no_span(exporter: InMemorySpanExporter) -> None:
    publisher = RecordingPublisher()
    publisher.publish(example("form.completed"), traceparent=TRACE).result(5)
    assert publisher.records[0].traceparent == TRACE
    assert exporter.get_finished_spans() == ()


def test_without_a_configured_sdk_nothing_is_added() -> None:
    publisher = RecordingPublisher()
    publisher.publish(example("form.completed")).result(5)
    assert publisher.records[0].traceparent is None
