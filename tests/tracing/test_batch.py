"""Spans of batches: linked to the traces of their events."""

from __future__ import annotations

from plaudit.records.trace_context import TraceContext
from plaudit.tracing.batch import MOST_LINKS, Batch, write_batch
from plaudit.tracing.sampling import Sampling
from plaudit.tracing.span import FinishedSpan
from plaudit.tracing.writer import Tracing


class StoredLetter:
    """A writer that keeps spans."""

    def __init__(self) -> None:
        self.spans: list[FinishedSpan] = []

    def write(self, span: FinishedSpan) -> None:
        self.spans.append(span)

    def close(self) -> None:
        """Nothing is open."""


def context(number: int, *, sampled: bool) -> TraceContext:
    return TraceContext(b"00-%032x-%016x-%02x" % (number, number, sampled))


def test_a_batch_is_recorded_if_one_of_its_traces_is_and_links_those() -> None:
    kept = StoredLetter()
    tracing = Tracing(kept, Sampling(0.0, by_parent=True))
    plain = [None, context(1, sampled=False)]
    write_batch(tracing, Batch("redrive", "dlq.deliveries", 2, 1, plain))
    assert kept.spans == []
    write_batch(
        tracing, Batch("redrive", "dlq.deliveries", 3, 1, [*plain, context(2, sampled=True)])
    )
    [span] = kept.spans
    assert span.name == "redrive dlq.deliveries"
    assert [each.trace_id for each in span.links] == [2]
    assert span.attributes["messaging.batch.message_count"] == 3


def test_the_ratio_samples_batches_without_traces_and_links_have_a_limit() -> None:
    kept = StoredLetter()
    tracing = Tracing(kept, Sampling(1.0, by_parent=True))
    write_batch(tracing, Batch("record", "attempts", 1, 1))
    many = [context(number, sampled=True) for number in range(1, 2 * MOST_LINKS)]
    write_batch(tracing, Batch("record", "attempts", len(many), 1, many))
    assert [len(each.links) for each in kept.spans] == [0, MOST_LINKS]
    write_batch(None, Batch("record", "attempts", 1, 1))
