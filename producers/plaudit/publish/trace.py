"""Trace context of an event: OpenTelemetry's current span, if present."""

from __future__ import annotations

import sys

from plaudit.publish.errors import OptionRefused
from plaudit.records.trace_context import TraceContext, trace_context


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
    """Return the context of the current span; None if no span is being recorded.

    OpenTelemetry is not imported here: if the application has not imported it, it has no span.
    """
    trace = sys.modules.get("opentelemetry.trace")
    if trace is None:
        return None
    context = trace.get_current_span().get_span_context()
    if not context.is_valid:
        return None
    ids = f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"
    return trace_context(ids.encode(), context.trace_state.to_header().encode())
