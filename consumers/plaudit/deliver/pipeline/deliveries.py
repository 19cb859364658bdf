"""Expansion in the deliveries lane: a record is one delivery, and its headers hold its state."""

from __future__ import annotations

from typing import Final, assert_never

from plaudit.deliver.model.decision import (
    Cancelled,
    Dead,
    Decision,
    Reason,
    RetryPlan,
    divert,
    wait_on,
)
from plaudit.deliver.model.defects import Stage
from plaudit.deliver.model.delivery import (
    Delivery,
    DeliveryHeaders,
    HeadersUnusable,
    History,
    read_headers,
)
from plaudit.deliver.offsets.assignment import Record
from plaudit.deliver.pipeline.context import LaneContext
from plaudit.deliver.pipeline.decode import decode
from plaudit.deliver.pipeline.expansion import DeadRecord, Expansion, ExpansionDefect, Route
from plaudit.endpoints.matching import ERASED
from plaudit.endpoints.model import Deleted, Endpoint, Unreadable
from plaudit.events.decoding import Event
from plaudit.events.rendering import render
from plaudit.kafka.read.headers import Headers, HeadersUnreadable

FORGET_AFTER_MS: Final = 3_600_000
"""An endpoint that has been missing from the table for this time counts as deleted."""


def expand(lane: LaneContext, record: Record) -> Expansion:
    """Return the one delivery of a record; none for a repetition.

    Raises:
        RecordBlocked: the event's schema is unknown.
    """
    try:
        headers = record.needed_headers()
        addressed = read_headers(headers, record)
    except (HeadersUnusable, HeadersUnreadable) as unusable:
        return DeadRecord("headers_unusable", str(unusable))
    event = _event_of(lane, record, headers)
    if isinstance(event, DeadRecord):
        return event
    partition = record.assignment.partition
    if lane.seen.repeats(partition, record.offset, event.event_id, addressed):
        lane.counters.repeated += 1
        return []
    found = lane.shared.table.find(addressed.endpoint_id)
    endpoint = found if isinstance(found, Endpoint) else None
    # The table's own text, which thousands of deliveries in hand may share.
    endpoint_id = addressed.endpoint_id if endpoint is None else endpoint.endpoint_id
    delivery = Delivery(
        record, event, b"", endpoint_id, endpoint, addressed.origin, addressed.history
    )
    try:
        now_ms = lane.now_ms()
        lane.counters.late_s = max(0, now_ms - record.due_ms) / 1_000
        route = _endpoint_or_decision(lane, found, addressed, event, now_ms)
        if addressed.history.unjudged and isinstance(route, Endpoint):
            route = _judged(delivery, route)
        if isinstance(route, Endpoint):
            delivery.body = _body_of(lane, record, event, headers)
    except Exception as error:  # noqa: BLE001 - it is retried, and so has an end
        route = ExpansionDefect(Stage.RENDER, error)
    return [(delivery, route)]


def _judged(delivery: Delivery, endpoint: Endpoint) -> Route:
    """Evaluate the endpoint's filter again, which raised an exception for the event before."""
    event, wants = delivery.event, endpoint.wants
    try:
        if wants is not None and event.type != ERASED and not wants(event.data):
            return Cancelled(Reason.NOT_WANTED)
    except Exception as error:  # noqa: BLE001 - it is retried, and so has an end
        return ExpansionDefect(Stage.JUDGE, error)
    delivery.history = delivery.history._replace(unjudged=False)
    return endpoint


def _event_of(lane: LaneContext, record: Record, headers: Headers) -> Event | DeadRecord:
    """Return the record's event, which earlier deliveries may share, or a dead record."""
    known = lane.latest.find(record.value)
    if known is None:
        return decode(lane, record)
    record.share(known.value, known.shared(headers))
    lane.limiter.count_readable(record.assignment)
    return known.event


def _body_of(lane: LaneContext, record: Record, event: Event, headers: Headers) -> bytes:
    known = lane.latest.find(record.value)
    if known is not None:
        return known.body
    body = render(event)
    lane.latest.keep(record.value, event, body, headers)
    return body


def _endpoint_or_decision(
    lane: LaneContext,
    found: Endpoint | Deleted | Unreadable | None,
    addressed: DeliveryHeaders,
    event: Event,
    now_ms: int,
) -> Route:
    """Return the endpoint to attempt, or a decision without an attempt."""
    plan, history = lane.shared.plan, addressed.history
    match found:
        case None:
            absent_ms = now_ms - history.enqueued_at_ms
            if lane.shared.table_is_current() and absent_ms > FORGET_AFTER_MS:
                return Cancelled(Reason.ENDPOINT_UNKNOWN)
            return divert(history, plan, Reason.ENDPOINT_UNKNOWN, now_ms)
        case Deleted():
            return Cancelled(Reason.ENDPOINT_DELETED)
        case Unreadable():
            return divert(history, plan, Reason.ENDPOINT_UNREADABLE, now_ms)
        case Endpoint():
            ended = before_attempt(found, addressed, event, plan, now_ms) or lane.gone(found)
            return ended or found
    assert_never(found)


def before_attempt(
    endpoint: Endpoint, addressed: DeliveryHeaders, event: Event, plan: RetryPlan, now_ms: int
) -> Decision | None:
    """Return the decision about a delivery without an attempt; None: attempt it."""
    history = addressed.history
    if endpoint.workspace_id != event.workspace_id:
        detail = "the endpoint belongs to another workspace than the event"
        return Dead(Reason.WRONG_WORKSPACE, detail)
    if history.endpoint_version > endpoint.version:
        return divert(history, plan, Reason.ENDPOINT_BEHIND, now_ms)
    if endpoint.status != "active":
        return Dead(Reason.ENDPOINT_DISABLED, endpoint.disabled_reason or "")
    if expired(history, plan, endpoint, now_ms):
        return Dead(Reason.EXPIRED, "it came too late for another attempt")
    return wait_on(history, plan, now_ms)


def expired(history: History, plan: RetryPlan, endpoint: Endpoint, now_ms: int) -> bool:
    """Return whether a delivery is older than its schedule and a day."""
    schedule = plan.schedule if endpoint.schedule is None else endpoint.schedule
    return now_ms > history.enqueued_at_ms + plan.lifetime_ms(schedule)
