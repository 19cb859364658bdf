"""One trace from the publisher's span to the webhook, over a real broker and by OTLP."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from opentelemetry import trace
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from e2e.rig import Rig
from e2e.sink import Sink, failing
from plaudit.records.trace_context import trace_context
from waiting import until

pytestmark = [pytest.mark.broker, pytest.mark.e2e]


class Collector(ThreadingHTTPServer):
    """A collector that takes OTLP over HTTP.

    Attributes:
        spans: everything that came in.
        services: names of the processes that sent them.
    """

    def __init__(self) -> None:
        self.spans: list[Span] = []
        self.services: set[str] = set()
        super().__init__(("127.0.0.1", 0), Intake)

    def take(self, body: bytes) -> None:
        """Decode what a process has sent."""
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            given = {each.key: each.value.string_value for each in resource.resource.attributes}
            self.services.add(given["service.name"])
            for scope in resource.scope_spans:
                self.spans += scope.spans


class Intake(BaseHTTPRequestHandler):
    """One export."""

    server: Collector

    def do_POST(self) -> None:
        """Take it, and answer as a collector does."""
        body = self.rfile.read(int(self.headers["content-length"]))
        if self.path == "/v1/traces":
            self.server.take(body)
        answer = ExportTraceServiceResponse().SerializeToString()
        self.send_response(200)
        self.send_header("content-type", "application/x-protobuf")
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: object) -> None:
        """Write nothing."""


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@contextmanager
def configured_sdk(monkeypatch: pytest.MonkeyPatch) -> Iterator[InMemorySpanExporter]:
    """Configure the SDK of the service that publishes: this process."""
    kept, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(kept))
    with monkeypatch.context() as patched:
        patched.setattr(trace, "get_tracer", provider.get_tracer)
        yield kept
    provider.shutdown()


def test_one_trace_leads_from_the_publisher_over_a_retry_to_the_webhook(
    rig: Rig, sink: Sink, collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig.endpoint(sink.on("flaky", failing(1)))
    worker = rig.worker(
        OTEL_EXPORTER_OTLP_ENDPOINT=f"http://127.0.0.1:{collector.server_port}",
        OTEL_BSP_SCHEDULE_DELAY="100",
    )
    with configured_sdk(monkeypatch) as kept:
        rig.publish(1)
    [published] = kept.get_finished_spans()
    until(lambda: len(collector.spans) == 6)
    assert rig.stop(worker) == 0
    assert published.context is not None
    trace_id = f"{published.context.trace_id:032x}"
    by_id = {each.span_id.hex(): each for each in collector.spans}
    assert {each.trace_id.hex() for each in collector.spans} == {trace_id}
    assert collector.services == {"plaudit-deliver"}
    names = rig.settings.names
    delivers = [each for each in collector.spans if each.kind == Span.SPAN_KIND_CONSUMER]
    topics = [f"deliver {names.prefix}testimonials", tiers(rig)[0]]
    assert [each.name for each in delivers] == topics
    assert {each.parent_span_id.hex() for each in delivers} == {f"{published.context.span_id:016x}"}
    sent = [trace_context(each.headers["traceparent"].encode()) for each in sink.arrivals]
    attempts = [by_id[each.span_id] for each in sent if each is not None]
    assert [each.name for each in attempts] == ["attempt", "attempt"]
    assert [each.parent_span_id for each in attempts] == [each.span_id for each in delivers]
    assert [each.status.code for each in attempts] == [
        Span().status.STATUS_CODE_ERROR,
        Span().status.STATUS_CODE_UNSET,
    ]
    logged = [(each["trace_id"], each["span_id"]) for each in rig.logged("delivery.attempted")]
    assert logged == [(trace_id, each.span_id.hex()) for each in attempts]


def tiers(rig: Rig) -> list[str]:
    """Return the names of the spans of retries, in the order of the schedule."""
    settings = rig.settings
    return [f"deliver {settings.names.deliveries(each)}" for each in settings.schedule]
