"""W3C trace context of an event: validation, and its form in Kafka and in a request."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final, NamedTuple

TRACEPARENT: Final = "traceparent"
TRACESTATE: Final = "tracestate"
TRACE_HEADERS: Final = frozenset({TRACEPARENT, TRACESTATE})

# Version ff is forbidden, as are ids of zeros. A later version may append fields.
_IDS: Final = rb"-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}"
_PARENT: Final = re.compile(
    rb"00" + _IDS + rb"|(?!00|ff)[0-9a-f]{2}" + _IDS + rb"(?:-[\x21-\x7e]{0,200})?"
)
# Nothing that could end a header line. The list of vendors is theirs to read.
_STATE: Final = re.compile(rb"[\x21-\x7e](?:[\t\x20-\x7e]{0,510}[\x21-\x7e])?")


class TraceContext(NamedTuple):
    """A valid trace context, as received.

    Attributes:
        parent: the `traceparent`.
        state: the `tracestate`; empty without one.
    """

    parent: bytes
    state: bytes = b""

    @property
    def trace_id(self) -> str:
        """The trace's id, 32 hexadecimal digits."""
        return self.parent[3:35].decode()

    @property
    def span_id(self) -> str:
        """The id of the span that sent the context, 16 hexadecimal digits."""
        return self.parent[36:52].decode()

    @property
    def is_sampled(self) -> bool:
        """Whether the sender recorded its span."""
        return int(self.parent[53:55], 16) & 1 == 1


def trace_context(parent: bytes | None, state: bytes | None = None) -> TraceContext | None:
    """Return a trace context; None without a valid `traceparent`. An invalid `tracestate` is lost.

    W3C Trace Context asks for that: a fault in it must not fail the request that carries it.
    """
    if parent is None or _PARENT.fullmatch(parent) is None:
        return None
    return TraceContext(parent, state if state and _STATE.fullmatch(state) else b"")


def read_trace(headers: Iterable[tuple[str, bytes]]) -> TraceContext | None:
    """Return the trace context in a record's headers; of several, the last counts."""
    parent: bytes | None = None
    state: bytes | None = None
    for name, value in headers:
        if name == TRACEPARENT:
            parent = value
        elif name == TRACESTATE:
            state = value
    return trace_context(parent, state)


def kafka_headers(trace: TraceContext | None) -> list[tuple[str, bytes]]:
    """Return a trace context as headers of a record."""
    if trace is None:
        return []
    parent = (TRACEPARENT, trace.parent)
    return [parent, (TRACESTATE, trace.state)] if trace.state else [parent]


def request_headers(trace: TraceContext | None) -> bytes:
    r"""Return a trace context as header lines of a request, each with its `\r\n`."""
    if trace is None:
        return b""
    line = b"traceparent: %b\r\n" % trace.parent
    return line + b"tracestate: %b\r\n" % trace.state if trace.state else line
