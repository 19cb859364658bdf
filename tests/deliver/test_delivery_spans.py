"""Spans of deliveries: one trace from the publisher's span to the request, and errors always."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import pytest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor
from opentelemetry.sdk.trace.export import (
    BatchSpanProcessor,
    SimpleSpanProcessor,
    SpanExporter,
    SpanExportResult,
)
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind

from deliver.whole import DECODED, ENDPOINTS, OK, Whole, event, event_id, to
from plaudit.deliver.telemetry import delivery_spans
from plaudit.records.trace_context import read_trace
from plaudit.tracing.otel import OtelWriter, exporter_of, resource_of
from plaudit.tracing.sampling import Sampling
from plaudit.tracing.writer import Tracing
from plaudit.transport.answer import Answer, Timings
from transport.altered import altered

ENDPOINT = "00000000-0000-0000-0000-000000000001"
ONE = {ENDPOINT: ENDPOINTS[ENDPOINT]}
TRACE_ID, SPAN_ID = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
SAMPLED = [("traceparent", f"00-{TRACE_ID}-{SPAN_ID}-01".encode()), ("tracestate", b"vendor=1")]
PASSED_OVER = [("traceparent", f"00-{TRACE_ID}-{SPAN_ID}-00".encode())]
BY_PARENT = Sampling(0.0, by_parent=True)


class Traced:
    """A worker whose spans are kept in memory.

    Attributes:
        whole: the worker.
        requests: headers of the requests.
    """

    def __init__(self, sampling: Sampling = BY_PARENT, status: int = 200) -> None:
        self._exporter = InMemorySpanExporter()
        writer = OtelWriter(SimpleSpanProcessor(self._exporter), Resource({}))
        self.whole = Whole(endpoints=ONE, tracing=Tracing(writer, sampling))
        self.requests: list[bytes] = []
        timings = Timings(1.0, 2.0, 3.0, 4.0, 20.0)
        self._answer = altered(OK, status=status, timings=timings)
        self.whole.sender.answers = self._respond

    def _respond(self, lines: bytes) -> Answer:
        self.requests.append(lines)
        return self._answer

    @property
    def spans(self) -> dict[str, ReadableSpan]:
        """Finished spans by their first word."""
        return {each.name.partition(" ")[0]: each for each in self._exporter.get_finished_spans()}

    async def deliver(self, headers: Sequence[tuple[str, bytes]] = ()) -> dict[str, ReadableSpan]:
        """Deliver one event; return its spans."""
        self.whole.events.hand_over(event(1), headers)
        await self.whole.run()
        return self.spans


def ids(span: ReadableSpan) -> tuple[str, str]:
    """Return the ids of a span's trace and of the span."""
    assert span.context is not None
    return f"{span.context.trace_id:032x}", f"{span.context.span_id:016x}"


def parent_of(span: ReadableSpan) -> str | None:
    """Return the id of a span's parent."""
    return None if span.parent is None else f"{span.parent.span_id:016x}"


async def test_the_attempt_record_carries_the_context_of_its_deliver_span_if_that_is_recorded() -> (
    None
):
    for headers, is_recorded in ((SAMPLED, True), (PASSED_OVER, False)):
        traced = Traced()
        spans = await traced.deliver(headers)
        line = traced.whole.server.last_line
        assert line is not None
        written = read_trace(line.headers.items())
        found = None if written is None else (written.trace_id, written.span_id)
        assert found == (ids(spans["deliver"]) if is_recorded else None)


async def test_the_request_is_in_the_trace_of_the_publishers_span() -> None:
    traced = Traced()
    spans = await traced.deliver(SAMPLED)
    deliver, attempt, settle = spans["deliver"], spans["attempt"], spans["settle"]
    assert {ids(each)[0] for each in spans.values()} == {TRACE_ID}
    assert parent_of(deliver) == SPAN_ID
    assert [f"{each.context.span_id:016x}" for each in deliver.links] == [SPAN_ID]
    assert parent_of(attempt) == parent_of(settle) == ids(deliver)[1]
    line = f"traceparent: 00-{TRACE_ID}-{ids(attempt)[1]}-01\r\ntracestate: vendor=1\r\n"
    assert line.encode() in traced.requests[0]
    assert (deliver.kind, attempt.kind) == (SpanKind.CONSUMER, SpanKind.CLIENT)


async def test_an_attempt_has_its_phases_and_the_host_but_not_the_url() -> None:
    spans = await Traced().deliver(SAMPLED)
    attempt = spans["attempt"]
    assert [each.name for each in attempt.events] == ["dns", "connect", "tls", "first_byte"]
    start = attempt.start_time or 0
    ends = [(each.timestamp - start) / 1e6 for each in attempt.events]
    assert ends == [1.0, 3.0, 6.0, 10.0]
    assert (attempt.end_time or 0) - start == 20_000_000
    attributes = dict(attempt.attributes or {})
    assert attributes["http.response.status_code"] == 200
    assert (attributes["server.address"], attributes["server.port"]) == ("e.example", 443)
    path = f"/{ENDPOINT}"
    assert not [each for each in attributes.values() if path in str(each)]


async def test_a_trace_that_its_sender_did_not_record_is_passed_on_and_not_recorded() -> None:
    traced = Traced()
    assert await traced.deliver(PASSED_OVER) == {}
    assert b"traceparent: %b\r\n" % PASSED_OVER[0][1] in traced.requests[0]


@pytest.mark.parametrize("headers", [PASSED_OVER, []])
async def test_a_failed_delivery_is_always_recorded(headers: list[tuple[str, bytes]]) -> None:
    traced = Traced(status=503)
    spans = await traced.deliver(headers)
    trace_id = TRACE_ID if headers else event_id(1).replace("-", "")
    assert {name: ids(each)[0] for name, each in spans.items()} == dict.fromkeys(
        ("deliver", "attempt", "settle"), trace_id
    )
    assert dict(spans["deliver"].attributes or {})["plaudit.outcome"] == "retrying"
    assert not spans["attempt"].status.is_ok
    retry = traced.whole.server.written[-1]
    assert read_trace(retry.headers.items()) == read_trace(headers)


async def test_a_flood_of_failures_is_recorded_only_in_part(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(delivery_spans, "ERRORS_PER_S", 0)
    assert await Traced(status=503).deliver() == {}


async def test_an_event_without_a_context_and_its_retries_are_one_trace() -> None:
    traced = Traced(Sampling(1.0, by_parent=True))
    spans = await traced.deliver()
    trace_id = event_id(1).replace("-", "")
    assert ids(spans["deliver"])[0] == trace_id
    assert spans["deliver"].parent is None
    traced.whole.deliveries.hand_over(event(1), to(ENDPOINT, attempt=3))
    await traced.whole.run()
    again = traced.spans["deliver"]
    assert ids(again)[0] == trace_id
    assert dict(again.attributes or {})["plaudit.attempt"] == 4


async def test_a_delivery_without_an_attempt_has_no_attempt_span() -> None:
    traced = Traced()
    traced.whole.deliveries.hand_over(event(1), [*SAMPLED, *to(str(DECODED.workspace_id))])
    await traced.whole.run()
    assert set(traced.spans) == {"deliver", "settle"}


class Raising(SpanProcessor):
    """A processor with a defect."""

    def on_end(self, span: ReadableSpan) -> None:
        raise RuntimeError(span.name)


class Hanging(SpanExporter):
    """An exporter whose collector never answers.

    Attributes:
        asked: set when it was asked to export.
        released: ends its wait.
    """

    def __init__(self) -> None:
        self.asked, self.released = threading.Event(), threading.Event()

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        del spans
        self.asked.set()
        self.released.wait(60)
        return SpanExportResult.FAILURE


async def delivered(processor: SpanProcessor, count: int = 1) -> OtelWriter:
    """Deliver events with a processor; check that all arrived and were settled."""
    writer = OtelWriter(processor, Resource({}))
    whole = Whole(endpoints=ONE, tracing=Tracing(writer, Sampling(1.0, by_parent=True)))
    for number in range(count):
        whole.events.hand_over(event(number), SAMPLED)
    await whole.run()
    assert len(whole.sender.posted) == count
    assert whole.events.pending == 0
    assert not sum(whole.settler.defects.counts.values())
    return writer


async def test_a_tracer_that_raises_touches_no_delivery() -> None:
    await delivered(Raising())


async def test_an_exporter_that_hangs_touches_no_delivery(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("plaudit.tracing.otel.CLOSE_S", 0.1)
    exporter = Hanging()
    processor = BatchSpanProcessor(exporter, max_queue_size=8, max_export_batch_size=4)
    writer = await delivered(processor, count=50)  # far more spans than the queue holds
    assert exporter.asked.wait(30)
    writer.close()  # returns although the exporter hangs
    exporter.released.set()
    writer.close()


def test_the_standard_variables_choose_the_exporter_and_name_the_service(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("OTEL_SERVICE_NAME", raising=False)
    assert type(exporter_of({})).__name__ == "OTLPSpanExporter"
    assert type(exporter_of({"OTEL_TRACES_EXPORTER": "console"})).__name__ == "ConsoleSpanExporter"
    assert resource_of("plaudit-deliver").attributes["service.name"] == "plaudit-deliver"
    monkeypatch.setenv("OTEL_SERVICE_NAME", "hooks")
    assert resource_of("plaudit-deliver").attributes["service.name"] == "hooks"
