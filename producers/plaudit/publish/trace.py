"""The trace that an event is part of: that of OpenTelemetry's current span, if there is one."""

from __future__ import annotations

import sys


def current_traceparent() -> str | None:
    """Return the current span as a W3C `traceparent`; None without a recording of traces.

    OpenTelemetry is never imported here: where nobody has done so, nobody has begun a span.
    """
    trace = sys.modules.get("opentelemetry.trace")
    if trace is None:
        return None
    context = trace.get_current_span().get_span_context()
    if not context.is_valid:
        return None
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"
