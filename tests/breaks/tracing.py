"""Breaks of the trace context and of spans."""

from __future__ import annotations

from typing import Final

from breaks.one_line import Break

TRACING: Final = (
    Break(
        "a trace context reaches the request",
        "consumers/plaudit/deliver/pipeline/attempt.py",
        "lines + _trigger_line(trigger) + trace, body",
        "lines + _trigger_line(trigger), body",
        "tests/deliver/test_trace_context.py",
    ),
    Break(
        "an invalid trace context is dropped",
        "schemas/plaudit/records/trace_context.py",
        "if parent is None or _PARENT.fullmatch(parent) is None:",
        "if parent is None:",
        "tests/deliver/test_trace_context.py",
    ),
    Break(
        "a delivery that fails is recorded although its trace is not",
        "consumers/plaudit/deliver/telemetry/delivery_spans.py",
        "return isinstance(decision, Retry | Dead) and self._may_report_error()",
        "return False",
        "tests/deliver/test_delivery_spans.py",
    ),
    Break(
        "a tracer that raises touches no delivery",
        "consumers/plaudit/tracing/otel.py",
        "except Exception:  # noqa: BLE001 - no delivery fails because the library raises",
        "except KeyError:",
        "tests/deliver/test_delivery_spans.py",
    ),
    Break(
        "the sender of a trace context decides whether the trace is recorded",
        "consumers/plaudit/tracing/sampling.py",
        "return context.is_sampled",
        "return True",
        "tests/tracing/test_sampling.py",
    ),
    Break(
        "the record of an event carries the context of its publish span",
        "consumers/plaudit/tracing/publish.py",
        "given = _replaced(given, ids)",
        "pass",
        "tests/tracing/test_publish.py",
    ),
    Break(
        "the span of a recorded batch is linked to its deliveries",
        "consumers/plaudit/deliver/settle/log_line.py",
        "return [*(headers or ()), *kafka_headers(delivery.spans.deliver.context)]",
        "return headers",
        "tests/deliver/test_delivery_spans.py",
    ),
)
