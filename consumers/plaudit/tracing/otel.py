"""Export of spans by OpenTelemetry's SDK: the only module that imports it."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from importlib.metadata import entry_points, version
from typing import Final

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan, SpanProcessor
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode, TraceFlags
from opentelemetry.trace.span import TraceState

from plaudit.kafka.errors import SettingsError
from plaudit.logs.logger import event_logger
from plaudit.tracing.environment import EXPORTER
from plaudit.tracing.span import FinishedSpan, Kind, SpanIds

_log = event_logger(__name__)

CLOSE_S: Final = 5.0
"""Time for the last export: a stopping worker must not wait for a collector that hangs."""
_SCOPE: Final = InstrumentationScope("plaudit", version("plaudit"))
_KINDS: Final = {
    Kind.INTERNAL: SpanKind.INTERNAL,
    Kind.CLIENT: SpanKind.CLIENT,
    Kind.PRODUCER: SpanKind.PRODUCER,
    Kind.CONSUMER: SpanKind.CONSUMER,
}
_PROTOCOLS: Final = (
    "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL",
    "OTEL_EXPORTER_OTLP_PROTOCOL",
)
_DEFAULT_PROTOCOL: Final = "http/protobuf"
_OTLP: Final = {"http/protobuf": "otlp_proto_http", "grpc": "otlp_proto_grpc"}
_GROUP: Final = "opentelemetry_traces_exporter"


class OtelWriter:
    """Hands spans to a processor of the SDK, whose own thread exports them.

    Args:
        processor: drops spans for which it has no room.
        resource: describes this process.
    """

    def __init__(self, processor: SpanProcessor, resource: Resource) -> None:
        self._processor = processor
        self._resource = resource
        self._has_failed = False

    def write(self, span: FinishedSpan) -> None:
        """Hand a span over; an exception of the processor is logged once."""
        try:
            self._processor.on_end(readable(span, self._resource))
        except Exception:  # noqa: BLE001 - no delivery fails because the library raises
            if not self._has_failed:
                self._has_failed = True
                _log.exception("tracing.failed")

    def close(self) -> None:
        """Export the queued spans, in a thread of its own, because an exporter may hang."""
        closing = threading.Thread(target=self._shut_down, name="tracing", daemon=True)
        closing.start()
        closing.join(CLOSE_S)

    def _shut_down(self) -> None:
        try:
            self._processor.shutdown()
        except Exception:  # noqa: BLE001 - the process ends all the same
            _log.exception("tracing.failed")


def open_writer(service: str, environ: Mapping[str, str]) -> OtelWriter:
    """Return the writer that the standard variables describe.

    Raises:
        SettingsError: no installed package has the exporter that they name.
    """
    return OtelWriter(BatchSpanProcessor(exporter_of(environ)), resource_of(service))


def exporter_of(environ: Mapping[str, str]) -> SpanExporter:
    """Return the exporter that the standard variables name.

    Raises:
        SettingsError: no installed package has it.
    """
    asked = environ.get(EXPORTER, "").strip().lower() or "otlp"
    name, variable = asked, EXPORTER
    if asked == "otlp":
        given = [(each, environ[each]) for each in _PROTOCOLS if environ.get(each)]
        variable, protocol = given[0] if given else (_PROTOCOLS[1], _DEFAULT_PROTOCOL)
        name = _OTLP.get(protocol, protocol)
    found = tuple(entry_points(group=_GROUP, name=name))
    if not found:
        known = ", ".join(sorted(each.name for each in entry_points(group=_GROUP)))
        reason = f"no installed package has the exporter {name!r}; installed: {known}"
        raise SettingsError(variable, reason)
    exporter = found[0].load()()
    if not isinstance(exporter, SpanExporter):
        raise SettingsError(variable, f"{name!r} does not export spans")
    return exporter


def resource_of(service: str) -> Resource:
    """Return the description of this process; the standard variables win."""
    given = Resource.create()
    if not str(given.attributes.get("service.name", "")).startswith("unknown_service"):
        return given
    return given.merge(Resource({"service.name": service, "service.version": version("plaudit")}))


def readable(span: FinishedSpan, resource: Resource) -> ReadableSpan:
    """Return a span as the SDK exports it."""
    failed = span.error is not None
    return ReadableSpan(
        name=span.name,
        context=_context(span.ids),
        parent=None if span.parent is None else _context(span.parent, is_remote=True),
        resource=resource,
        attributes=span.attributes,
        events=[Event(name, timestamp=at_ns) for name, at_ns in span.events],
        links=[Link(_context(each, is_remote=True)) for each in span.links],
        kind=_KINDS[span.kind],
        status=Status(StatusCode.ERROR, span.error) if failed else Status(),
        start_time=span.start_ns,
        end_time=max(span.start_ns, span.end_ns),
        instrumentation_scope=_SCOPE,
    )


def _context(ids: SpanIds, *, is_remote: bool = False) -> SpanContext:
    state = TraceState.from_header([ids.state.decode()]) if ids.state else None
    flags = TraceFlags(TraceFlags.SAMPLED)
    return SpanContext(ids.trace_id, ids.span_id, is_remote, flags, state)
