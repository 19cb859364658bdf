"""Spans of events that a process publishes for others: API and outbox relay."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from plaudit.kafka.write.acks import Ack, Headers, OnAck, SendFailure
from plaudit.kafka.write.producer import Producer, ProducerConfig
from plaudit.records.trace_context import TRACE_HEADERS, kafka_headers, read_trace
from plaudit.tracing.span import FinishedSpan, Kind, SpanIds, ids_of, trace_id_of
from plaudit.tracing.writer import SpanWriter, Tracing

if TYPE_CHECKING:
    from plaudit.kafka.settings import KafkaSettings

_EVENT_ID: Final = "ce_id"


@dataclass(frozen=True, slots=True)
class EventSpan:
    """Span of one event that was sent.

    Attributes:
        writer: receives the span.
        topic: topic of the event.
        event_id: id of the event.
        ids: ids of the span.
        parent: the span that the event came from; None begins a trace.
        began_ns: epoch nanoseconds.
        on_ack: receives the brokers' answer before the span ends.
    """

    writer: SpanWriter
    topic: str
    event_id: str
    ids: SpanIds
    parent: SpanIds | None
    began_ns: int
    on_ack: OnAck

    def end(self, outcome: Ack | SendFailure) -> None:
        """Pass the brokers' answer on, and write the span."""
        self.on_ack(outcome)
        error = str(outcome.error) if isinstance(outcome, SendFailure) else None
        self.writer.write(
            FinishedSpan(
                f"publish {self.topic}",
                Kind.PRODUCER,
                self.ids,
                self.parent,
                self.began_ns,
                time.time_ns(),
                {
                    "messaging.system": "kafka",
                    "messaging.operation.name": "publish",
                    "messaging.operation.type": "send",
                    "messaging.destination.name": self.topic,
                    "messaging.message.id": self.event_id,
                },
                error=error,
            )
        )


class TracedProducer(Producer):
    """Producer of events that writes a `publish` span for each event of a recorded trace.

    The record carries the context of that span, so that deliveries stand below it.

    Args:
        settings: connection to Kafka.
        config: limits and timeouts.
        tracing: writer and sampling of spans.
    """

    def __init__(self, settings: KafkaSettings, config: ProducerConfig, tracing: Tracing) -> None:
        super().__init__(settings, config)
        self._tracing = tracing

    def send(
        self,
        topic: str,
        value: bytes | None,
        key: bytes | None = None,
        headers: Headers | None = None,
        partition: int = -1,
        *,
        on_ack: OnAck,
    ) -> None:
        """Queue one event; see `Producer.send`. An event of another trace is sent as it is."""
        given = headers or []
        event_id = _event_id(given)
        context = read_trace(given)
        if self._tracing.sampling.takes(context, event_id):
            parent = None if context is None else ids_of(context)
            ids = (parent or SpanIds(trace_id_of(event_id), 0)).child()
            given = _replaced(given, ids)
            writer, began_ns = self._tracing.writer, time.time_ns()
            span = EventSpan(writer, topic, event_id, ids, parent, began_ns, on_ack)
            on_ack = span.end
        super().send(topic, value, key, given, partition, on_ack=on_ack)


def event_producer(
    settings: KafkaSettings, config: ProducerConfig, tracing: Tracing | None
) -> Producer:
    """Return a producer of events, which writes spans if tracing is on."""
    if tracing is None:
        return Producer(settings, config)
    return TracedProducer(settings, config, tracing)


def _event_id(headers: Sequence[tuple[str, bytes]]) -> str:
    """Return the id of an event, which may come from anybody's outbox; empty if it has none."""
    return next((text.decode(errors="replace") for name, text in headers if name == _EVENT_ID), "")


def _replaced(headers: Sequence[tuple[str, bytes]], ids: SpanIds) -> Headers:
    """Return an event's headers with the context of its `publish` span."""
    others = [each for each in headers if each[0] not in TRACE_HEADERS]
    return [*others, *kafka_headers(ids.context)]
