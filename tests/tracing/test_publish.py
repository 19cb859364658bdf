"""Spans of events that the API and the outbox relay publish."""

from __future__ import annotations

from pathlib import Path

import pytest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from outbox.conftest import EXAMPLE, new_sqlite
from plaudit.kafka.read.headers import headers_of
from plaudit.kafka.settings import KafkaSettings
from plaudit.kafka.write.acks import Ack, SendFailure
from plaudit.kafka.write.producer import ProducerConfig
from plaudit.outbox.service import RelayService
from plaudit.publish.prepare import Prepared, prepare
from plaudit.records.trace_context import TraceContext, read_trace, trace_context
from plaudit.tracing.otel import OtelWriter
from plaudit.tracing.publish import TracedProducer
from plaudit.tracing.sampling import Sampling
from plaudit.tracing.span import trace_id_of
from plaudit.tracing.writer import Tracing
from publish.conftest import ReadAll, read_all, topics
from waiting import until

__all__ = ["read_all", "topics"]  # fixtures of publishing

pytestmark = pytest.mark.broker

ID, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
RECORDED = trace_context(f"00-{ID}-{SPAN}-01".encode(), b"vendor=1")
PASSED_OVER = trace_context(f"00-{ID}-{SPAN}-00".encode())
EVENT_ID = str(EXAMPLE.meta.event_id)


class Memory:
    """Tracing whose spans stay in memory."""

    def __init__(self, ratio: float = 1.0) -> None:
        self._exporter = InMemorySpanExporter()
        writer = OtelWriter(SimpleSpanProcessor(self._exporter), Resource({}))
        self.tracing = Tracing(writer, Sampling(ratio, by_parent=True))

    @property
    def spans(self) -> tuple[ReadableSpan, ...]:
        """Finished spans."""
        return self._exporter.get_finished_spans()


def event(settings: KafkaSettings, trace: TraceContext | None) -> Prepared:
    """Return the record of an event."""
    return prepare(EXAMPLE, settings.names, "/tests", trace)


def sent(settings: KafkaSettings, memory: Memory, record: Prepared) -> list[Ack | SendFailure]:
    """Send a record; return the brokers' answers."""
    answers: list[Ack | SendFailure] = []
    config = ProducerConfig(delivery_timeout_ms=10_000)
    with TracedProducer(settings, config, memory.tracing) as producer:
        producer.send(record.topic, record.value, record.key, record.headers, on_ack=answers.append)
        until(lambda: answers, "the brokers answered")
    return answers


def test_a_recorded_event_is_published_below_its_callers_span_and_carries_the_new_one(
    topics: KafkaSettings, read_all: ReadAll
) -> None:
    memory = Memory()
    record = event(topics, RECORDED)
    [answer] = sent(topics, memory, record)
    assert isinstance(answer, Ack)
    [span] = memory.spans
    assert span.context is not None
    assert span.parent is not None
    assert (span.name, span.kind) == (f"publish {record.topic}", SpanKind.PRODUCER)
    assert (f"{span.context.trace_id:032x}", f"{span.parent.span_id:016x}") == (ID, SPAN)
    [message] = read_all(record.topic)
    headers = headers_of(message)
    carried = read_trace(headers)
    assert carried is not None
    assert (carried.trace_id, carried.state) == (ID, b"vendor=1")
    assert carried.span_id == f"{span.context.span_id:016x}"
    assert len(headers) == len(record.headers)


def test_a_trace_that_its_sender_does_not_record_is_passed_on_untouched(
    topics: KafkaSettings, read_all: ReadAll
) -> None:
    memory = Memory()
    record = event(topics, PASSED_OVER)
    sent(topics, memory, record)
    assert memory.spans == ()
    [message] = read_all(record.topic)
    assert message.headers() == record.headers


def test_an_event_whose_id_is_not_text_is_published(topics: KafkaSettings) -> None:
    memory = Memory()
    record = event(topics, None)
    hostile = [(name, b"\xff" if name == "ce_id" else value) for name, value in record.headers]
    [answer] = sent(topics, memory, record._replace(headers=hostile))
    assert isinstance(answer, Ack)
    assert len(memory.spans) == 1


def test_an_event_without_a_trace_begins_one_with_its_own_id_by_the_ratio(
    topics: KafkaSettings,
) -> None:
    taken, left = Memory(1.0), Memory(0.0)
    for memory in (taken, left):
        sent(topics, memory, event(topics, None))
    [span] = taken.spans
    assert span.context is not None
    assert span.context.trace_id == trace_id_of(EVENT_ID)
    assert span.parent is None
    assert left.spans == ()


def test_an_event_that_the_brokers_refuse_has_a_span_with_the_error(
    topics: KafkaSettings,
) -> None:
    memory = Memory()
    missing = event(topics, RECORDED)._replace(topic=f"{topics.topic_prefix}missing")
    [answer] = sent(topics, memory, missing)
    assert isinstance(answer, SendFailure)
    [span] = memory.spans
    assert span.status.status_code is StatusCode.ERROR
    assert span.status.description == str(answer.error)


def test_the_relay_publishes_each_row_below_the_span_that_enqueued_it(
    topics: KafkaSettings, tmp_path: Path
) -> None:
    memory, outbox = Memory(), new_sqlite(tmp_path)
    outbox.enqueue(EXAMPLE)
    service = RelayService(
        outbox.queue(topics), lambda: TracedProducer(topics, ProducerConfig(), memory.tracing)
    )
    service.run(until_empty=True)
    [span] = memory.spans
    assert span.attributes is not None
    assert span.attributes["messaging.message.id"] == EVENT_ID
