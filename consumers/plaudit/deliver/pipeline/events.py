"""Expansion in the events lane: one event into deliveries to its subscribers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, assert_never

from plaudit.deliver.model.decision import Cancelled, Dead, Reason, divert
from plaudit.deliver.model.defects import Stage
from plaudit.deliver.model.delivery import Delivery, History, first_history, origin_of
from plaudit.deliver.offsets.assignment import Record
from plaudit.deliver.offsets.blocked import RecordBlocked
from plaudit.deliver.pipeline.context import LaneContext
from plaudit.deliver.pipeline.decode import decode
from plaudit.deliver.pipeline.expansion import (
    DeadRecord,
    Deliveries,
    Expansion,
    ExpansionDefect,
    Route,
    WideEvent,
)
from plaudit.endpoints.matching import TakesLong
from plaudit.endpoints.model import Endpoint, Former, Found, Matched, Unjudged, Unreadable
from plaudit.events.decoding import Event
from plaudit.events.rendering import render
from plaudit.records.names import Trigger

WIDE: Final = 64
"""Events for more endpoints than this are fanned out through the deliveries lane."""
_EVENT: Final = Trigger.EVENT


def expand(lane: LaneContext, record: Record) -> Expansion:
    """Return the deliveries of one event.

    Raises:
        RecordBlocked: the schema is unknown, or the table of endpoints is not current.
    """
    shared = lane.shared
    if not shared.table_is_current():
        reason = "the table of endpoints is not current; brokers away?"
        raise RecordBlocked(reason, everywhere=True)
    event = decode(lane, record)
    if isinstance(event, DeadRecord):
        return event
    try:
        subscribers = shared.table.subscribers(event.workspace_id, event.type)
        if len(subscribers.candidates(record.timestamp_ms)) > WIDE:
            return WideEvent(event.workspace_id)
        endpoints = subscribers.match(event.space_id, record.timestamp_ms, event.data)
    except TakesLong:
        return WideEvent(event.workspace_id)
    return deliveries_of(lane, record, event, endpoints)


def deliveries_of(
    lane: LaneContext, record: Record, event: Event, endpoints: Sequence[Found]
) -> Deliveries:
    """Return a delivery for each endpoint that matches an event."""
    if not endpoints:
        lane.counters.unmatched += 1
        return []
    broken: ExpansionDefect | None = None
    try:
        body = render(event)
    except Exception as error:  # noqa: BLE001 - each of its deliveries is retried
        body, broken = b"", ExpansionDefect(Stage.RENDER, error)
    origin = origin_of(record)
    history = first_history(record.timestamp_ms)
    if all(isinstance(each, Endpoint) and each.shape is None for each in endpoints):
        event.drop_data()
    found: Deliveries = []
    for each in endpoints:
        if isinstance(each, Unjudged):
            found.append(_unjudged(record, event, each))
            continue
        endpoint = each if isinstance(each, Endpoint) else None
        delivery = Delivery(record, event, body, each.endpoint_id, endpoint, origin, history)
        if endpoint is None or endpoint.ended_ms is not None:
            found.append((delivery, _without_attempt(lane, history, each)))
        else:
            found.append((delivery, broken or lane.gone(endpoint) or endpoint))
    return found


def _unjudged(record: Record, event: Event, found: Unjudged) -> tuple[Delivery, Route]:
    """Return a delivery that is retried, and judged again then."""
    history = History(_EVENT, 0, 0, 0, record.timestamp_ms, unjudged=True)
    origin = origin_of(record)
    delivery = Delivery(record, event, b"", found.endpoint_id, found.endpoint, origin, history)
    return delivery, ExpansionDefect(Stage.JUDGE, found.error)


def _without_attempt(lane: LaneContext, history: History, endpoint: Matched) -> Route:
    """Return the decision about a delivery to an endpoint that is disabled or deleted."""
    match endpoint:
        case Endpoint():
            return Dead(Reason.ENDPOINT_DISABLED, endpoint.disabled_reason or "")
        case Former():
            return Cancelled(Reason.ENDPOINT_DELETED)
        case Unreadable():
            reason, plan = Reason.ENDPOINT_UNREADABLE, lane.shared.plan
            try:
                return divert(history, plan, reason, lane.now_ms())
            except Exception as error:  # noqa: BLE001 - the event's other deliveries proceed
                return ExpansionDefect(Stage.ADMIT, error)
        case _:
            assert_never(endpoint)
