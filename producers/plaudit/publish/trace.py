"""Trace context of an event: that of a `publish` span, if OpenTelemetry is in use."""

from __future__ import annotations

import sys
from concurrent.futures import Future
from functools import partial
from typing import Any, Final, NamedTuple

from plaudit.kafka.write.acks import Ack
from plaudit.publish.errors import OptionRefused
from plaudit.records.trace_context import TraceContext, trace_context

_OPENTELEMETRY: Final = "opentelemetry.trace"


class PublishSpan(NamedTuple):
    """Span of an event that is published, by the application's own OpenTelemetry.

    Attributes:
        span: the library's object.
        context: goes into the record's headers; None if the library records nothing.
    """

    span: Any
    context: TraceContext | None

    def end(self, error: BaseException | None = None) -> None:
        """End the span, with the error of a record that the brokers do not have."""
        if error is not None:
            self.span.record_exception(error)
            trace = sys.modules[_OPENTELEMETRY]
            self.span.set_status(trace.StatusCode.ERROR, str(error))
        self.span.end()

    def end_with(self, future: Future[Ack]) -> None:
        """End the span when the brokers have answered."""
        future.add_done_callback(partial(_end, self))


def publish_span(topic: str, event_id: str) -> PublishSpan | None:
    """Begin a span for an event, below the current one; None without OpenTelemetry.

    OpenTelemetry is not imported here: if the application has not imported it, it has no span.
    """
    trace = sys.modules.get(_OPENTELEMETRY)
    if trace is None:
        return None
    attributes = {
        "messaging.system": "kafka",
        "messaging.operation.name": "publish",
        "messaging.operation.type": "send",
        "messaging.destination.name": topic,
        "messaging.message.id": event_id,
    }
    tracer = trace.get_tracer("plaudit")
    span = tracer.start_span(
        f"publish {topic}", kind=trace.SpanKind.PRODUCER, attributes=attributes
    )
    return PublishSpan(span, _context_of(span))


def trace_of(traceparent: str | None) -> TraceContext | None:
    """Return the caller's trace context, by default that of the current span.

    Raises:
        OptionRefused: the value is not a valid `traceparent`.
    """
    if traceparent is None:
        return current_trace()
    found = trace_context(traceparent.encode())
    if found is None:
        option = "traceparent"
        raise OptionRefused(option, "not of the form 00-<32 hex>-<16 hex>-01 (W3C Trace Context)")
    return found


def current_trace() -> TraceContext | None:
    """Return the context of the current span; None if no span is being recorded."""
    trace = sys.modules.get(_OPENTELEMETRY)
    return None if trace is None else _context_of(trace.get_current_span())


def _context_of(span: Any) -> TraceContext | None:  # noqa: ANN401 - of a library that may be absent
    context = span.get_span_context()
    if not context.is_valid:
        return None
    ids = f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"
    return trace_context(ids.encode(), context.trace_state.to_header().encode())


def _end(span: PublishSpan, future: Future[Ack]) -> None:
    span.end(None if future.cancelled() else future.exception())
