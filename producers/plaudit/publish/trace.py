"""Trace context of an event: OpenTelemetry's current span, if present."""

from __future__ import annotations

import sys


def current_traceparent() -> str | None:
    """Return the current span as a W3C `traceparent`; None if no span is being recorded.

    OpenTelemetry is not imported here: if the application has not imported it, there is no span.
    """
    trace = sys.modules.get("opentelemetry.trace")
    if trace is None:
        return None
    context = trace.get_current_span().get_span_context()
    if not context.is_valid:
        return None
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"
