"""Spans of batches: one for all records of a write, linked to the traces of its events."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterable
from itertools import islice
from typing import Final, NamedTuple

from plaudit.records.trace_context import TraceContext
from plaudit.tracing.span import Attribute, FinishedSpan, Kind, SpanIds, ids_of, new_span_id
from plaudit.tracing.writer import Tracing

MOST_LINKS: Final = 128
"""The limit of OpenTelemetry's SDK for one span."""
_TRACE_BITS: Final = 128


class Batch(NamedTuple):
    """A batch that was written.

    Attributes:
        name: name of its span.
        topic: topic of its records.
        records: number of them.
        began_ns: epoch nanoseconds.
        contexts: trace contexts of its records.
    """

    name: str
    topic: str
    records: int
    began_ns: int
    contexts: Iterable[TraceContext | None] = ()


def write_batch(tracing: Tracing | None, batch: Batch) -> None:
    """Write the span of a batch that has ended now.

    It begins a trace of its own, because its events are in many traces. It is recorded if the trace
    of one event is, or if the sampling ratio selects it.
    """
    if tracing is None:
        return
    sampled = (each for each in batch.contexts if each is not None and each.is_sampled)
    links = [ids_of(each) for each in islice(sampled, MOST_LINKS)]
    ids = SpanIds(secrets.randbits(_TRACE_BITS) or 1, new_span_id())
    if not links and not tracing.sampling.takes(None, f"{ids.trace_id:032x}"):
        return
    attributes: dict[str, Attribute] = {
        "messaging.system": "kafka",
        "messaging.operation.name": batch.name,
        "messaging.operation.type": "process",
        "messaging.destination.name": batch.topic,
        "messaging.batch.message_count": batch.records,
    }
    tracing.writer.write(
        FinishedSpan(
            f"{batch.name} {batch.topic}",
            Kind.CONSUMER,
            ids,
            None,
            batch.began_ns,
            time.time_ns(),
            attributes,
            links=links,
        )
    )
