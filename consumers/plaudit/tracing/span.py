"""Finished span: one piece of work in a trace, independent of any tracing library."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from hashlib import blake2b
from typing import Final, NamedTuple

from plaudit.records.trace_context import TraceContext

_SPAN_BITS: Final = 64
_ID_DIGITS: Final = 32
SAMPLED: Final = 1
_KNOWN_FLAGS: Final = 3
"""Recorded; and whether the trace's id is random."""
MS: Final = 1_000_000
"""Nanoseconds of a millisecond."""

Attribute = str | int | float | bool


class Kind(Enum):
    """Role of a span's work, as OpenTelemetry defines it."""

    INTERNAL = auto()
    CLIENT = auto()
    PRODUCER = auto()
    CONSUMER = auto()


class SpanIds(NamedTuple):
    """Ids of a span, in this process or another one.

    Attributes:
        trace_id: id of its trace, 128 bits.
        span_id: its own, 64 bits.
        state: the `tracestate`.
        flags: flags of the trace; the lowest bit: it is recorded.
    """

    trace_id: int
    span_id: int
    state: bytes = b""
    flags: int = SAMPLED

    def child(self) -> SpanIds:
        """Return the ids of a new span in the same trace."""
        return self._replace(span_id=new_span_id())

    @property
    def context(self) -> TraceContext:
        """Trace context for a request or a record."""
        parent = b"00-%032x-%016x-%02x" % (self.trace_id, self.span_id, self.flags)
        return TraceContext(parent, self.state)


@dataclass(frozen=True, slots=True)
class FinishedSpan:
    """One finished piece of work.

    Attributes:
        name: low in cardinality.
        kind: role of the work.
        ids: ids of this span.
        parent: the span that caused it; None begins a trace.
        start_ns: epoch nanoseconds.
        end_ns: epoch nanoseconds.
        attributes: attributes with OpenTelemetry's names, or beginning with `plaudit.`.
        events: names of moments with their epoch nanoseconds, in order.
        links: other spans that caused it.
        error: why the work failed; None if it did not.
    """

    name: str
    kind: Kind
    ids: SpanIds
    parent: SpanIds | None
    start_ns: int
    end_ns: int
    attributes: Mapping[str, Attribute] = field(default_factory=dict)
    events: Sequence[tuple[str, int]] = ()
    links: Sequence[SpanIds] = ()
    error: str | None = None


def ids_of(context: TraceContext) -> SpanIds:
    """Return the ids in a trace context, for spans that are recorded."""
    flags = int(context.parent[53:55], 16) & _KNOWN_FLAGS | SAMPLED
    return SpanIds(int(context.trace_id, 16), int(context.span_id, 16), context.state, flags)


def trace_id_of(event_id: str) -> int:
    """Return the id of the trace of an event that came without a context.

    It is the event's id. So all attempts of an event are in one trace, although nothing was added
    to its record. An id that is not a UUID is hashed.
    """
    digits = event_id.replace("-", "")
    try:
        trace_id = int(digits, 16) if len(digits) == _ID_DIGITS else 0
    except ValueError:
        trace_id = 0
    return trace_id or int.from_bytes(blake2b(event_id.encode(), digest_size=16).digest())


def new_span_id() -> int:
    """Return a random span id, which is never 0."""
    return secrets.randbits(_SPAN_BITS) or 1
