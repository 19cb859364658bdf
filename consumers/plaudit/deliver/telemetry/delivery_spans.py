"""Spans of deliveries: deliver, attempt and settle, recorded after the settlement."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Final

from plaudit.deliver.model.attempted import Attempted, outcome_of, reason_of
from plaudit.deliver.model.decision import Dead, Decision, Delivered, Retry
from plaudit.deliver.model.defects import Defects, Stage
from plaudit.deliver.model.delivery import Delivery, DeliverySpanIds
from plaudit.tracing.span import (
    MS,
    Attribute,
    FinishedSpan,
    Kind,
    SpanIds,
    ids_of,
    new_span_id,
    trace_id_of,
)
from plaudit.tracing.writer import Tracing
from plaudit.transport.addresses import Target

ERRORS_PER_S: Final = 200
"""Maximum failed deliveries outside the sample whose spans are recorded in a second: about 100 µs
each, so 2 % of a core while a busy endpoint is down."""


class DeliverySpans:
    """Records the spans of a worker; belongs to the event loop's thread, and never raises.

    Args:
        tracing: writer and sampling of spans.
        defects: counts and logs defects.
        now_ms: epoch milliseconds, by the clock of the attempts.
        monotonic: seconds.
    """

    def __init__(
        self,
        tracing: Tracing,
        defects: Defects,
        now_ms: Callable[[], int],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._writer, self._sampling = tracing
        self._defects = defects
        self._now_ms = now_ms
        self._monotonic = monotonic
        self._second = 0
        self._errors_left = 0

    def begin(self, delivery: Delivery) -> None:
        """Assign span ids to a delivery of a recorded trace, for its request."""
        try:
            if self._is_sampled(delivery):
                delivery.spans = _new_ids(delivery)
        except Exception as error:  # noqa: BLE001 - a trace must not touch a delivery
            self._defects.note(Stage.REPORT, error, delivery.record)

    def end(
        self, delivery: Delivery, decision: Decision, attempted: Attempted | None
    ) -> Callable[[], None] | None:
        """Return a function that records the spans; call it after the delivery's last write.

        A failed delivery is recorded even if its trace is not, up to `ERRORS_PER_S`.
        """
        if delivery.spans is None and isinstance(decision, Delivered):
            return None  # the usual case
        try:
            if delivery.spans is None and not self._is_recorded_late(delivery, decision, attempted):
                return None
            ids = delivery.spans = delivery.spans or _new_ids(delivery)
            return partial(self._write, delivery, ids, decision, attempted, self._now_ms())
        except Exception as error:  # noqa: BLE001 - a trace must not touch a delivery
            self._defects.note(Stage.REPORT, error, delivery.record)
            return None

    def _is_sampled(self, delivery: Delivery) -> bool:
        return self._sampling.takes(delivery.record.trace, delivery.event.event_id)

    def _is_recorded_late(
        self, delivery: Delivery, decision: Decision, attempted: Attempted | None
    ) -> bool:
        """Return whether a delivery without span ids is recorded after its end."""
        if attempted is None and self._is_sampled(delivery):
            return True
        return isinstance(decision, Retry | Dead) and self._may_report_error()

    def _may_report_error(self) -> bool:
        second = int(self._monotonic())
        if second != self._second:
            self._second, self._errors_left = second, ERRORS_PER_S
        self._errors_left -= 1
        return self._errors_left >= 0

    def _write(
        self,
        delivery: Delivery,
        ids: DeliverySpanIds,
        decision: Decision,
        attempted: Attempted | None,
        settling_ms: int,
    ) -> None:
        try:
            now_ns, settling_ns = self._now_ms() * MS, settling_ms * MS
            begun_ns = settling_ns if attempted is None else attempted.started_at_ms * MS
            if attempted is not None:
                self._writer.write(_attempt(delivery, ids, attempted))
            settle = {"plaudit.outcome": str(outcome_of(decision))}
            own = ids.deliver.child()
            self._writer.write(
                FinishedSpan("settle", Kind.INTERNAL, own, ids.deliver, settling_ns, now_ns, settle)
            )
            self._writer.write(_deliver(delivery, ids, decision, attempted, (begun_ns, now_ns)))
        except Exception as error:  # noqa: BLE001 - a trace must not touch a delivery
            self._defects.note(Stage.REPORT, error, delivery.record)


def _new_ids(delivery: Delivery) -> DeliverySpanIds:
    context = delivery.record.trace
    if context is None:
        deliver, parent = SpanIds(trace_id_of(delivery.event.event_id), new_span_id()), None
    else:
        parent = ids_of(context)
        deliver = parent.child()
    attempt = deliver.child()
    return DeliverySpanIds(parent, deliver, attempt, attempt.context)


def _deliver(
    delivery: Delivery,
    ids: DeliverySpanIds,
    decision: Decision,
    attempted: Attempted | None,
    period_ns: tuple[int, int],
) -> FinishedSpan:
    """Return the span of a delivery, with the publisher's span as parent and link."""
    record, event, history = delivery.record, delivery.event, delivery.history
    topic, partition = record.assignment.partition
    attributes: dict[str, Attribute] = {
        "messaging.system": "kafka",
        "messaging.operation.name": "deliver",
        "messaging.operation.type": "process",
        "messaging.destination.name": topic,
        "messaging.destination.partition.id": str(partition),
        "messaging.kafka.offset": record.offset,
        "messaging.message.id": event.event_id,
        "messaging.message.body.size": record.size,
        "plaudit.event_type": event.type,
        "plaudit.workspace_id": event.workspace_id,
        "plaudit.endpoint_id": delivery.endpoint_id,
        "plaudit.delivery_id": delivery.delivery_id,
        "plaudit.trigger": str(history.trigger),
        "plaudit.attempt": history.attempts + (attempted is not None),
        "plaudit.outcome": str(outcome_of(decision)),
        "plaudit.late_ms": max(0, period_ns[0] // MS - record.due_ms),
    }
    reason = reason_of(decision)
    if reason is not None:
        attributes["plaudit.reason"] = reason
    failed = isinstance(decision, Retry | Dead)
    return FinishedSpan(
        f"deliver {topic}",
        Kind.CONSUMER,
        ids.deliver,
        ids.parent,
        *period_ns,
        attributes,
        links=() if ids.parent is None else (ids.parent,),
        error=reason if failed else None,
    )


def _attempt(delivery: Delivery, ids: DeliverySpanIds, attempted: Attempted) -> FinishedSpan:
    """Return the span of a request, without its URL, whose path may be a secret."""
    start_ns = attempted.started_at_ms * MS
    attributes: dict[str, Attribute] = {
        "http.request.method": "POST",
        "network.protocol.name": "http",
        "network.protocol.version": "1.1",
        "plaudit.endpoint_id": delivery.endpoint_id,
    }
    target = None if delivery.endpoint is None else delivery.endpoint.target
    if isinstance(target, Target):
        attributes["url.scheme"] = target.scheme
        attributes["server.address"] = target.host
        attributes["server.port"] = target.origin.port
    if delivery.history.attempts:
        attributes["http.request.resend_count"] = delivery.history.attempts
    status, error = attempted.status, None
    if status is not None:
        attributes["http.response.status_code"] = status
    if status is None or not is_success(status):
        error = attempted.error or f"HTTP {status}"
        attributes["error.type"] = str(status or attempted.result)
    total_ms = attempted.outcome.timings.total_ms or 0.0
    return FinishedSpan(
        "attempt",
        Kind.CLIENT,
        ids.attempt,
        ids.deliver,
        start_ns,
        start_ns + int(total_ms * MS),
        attributes,
        phases(attempted, start_ns),
        error=error,
    )


def is_success(status: int) -> bool:
    """Return whether a status is a 2xx."""
    return 200 <= status < 300  # noqa: PLR2004 - the class of HTTP


def phases(attempted: Attempted, start_ns: int) -> list[tuple[str, int]]:
    """Return the ends of the phases that took place, as events in order."""
    timings = attempted.outcome.timings
    ends: list[tuple[str, int]] = []
    at_ns = start_ns
    for name, took_ms in (
        ("dns", timings.dns_ms),
        ("connect", timings.connect_ms),
        ("tls", timings.tls_ms),
        ("first_byte", timings.first_byte_ms),
    ):
        if took_ms is not None:
            at_ns += int(took_ms * MS)
            ends.append((name, at_ns))
    return ends
