"""Decision about a delivery after its attempt."""

from __future__ import annotations

import time

from plaudit.deliver.isolation.answers import hold_s, is_refused
from plaudit.deliver.isolation.endpoint_health import Refusal
from plaudit.deliver.isolation.endpoint_state import InFlight
from plaudit.deliver.model.decision import Dead, Decision, Reason, Retry, decide, insists
from plaudit.deliver.model.defects import Stage
from plaudit.deliver.model.delivery import Delivery
from plaudit.deliver.pipeline.context import LaneContext
from plaudit.deliver.pipeline.diversions import diverted, schedule_of
from plaudit.transport.answer import Answer
from plaudit.transport.errors import TransportError


def decision_after(
    lane: LaneContext, flight: InFlight, outcome: Answer | TransportError
) -> Decision:
    """Return the decision about a delivery; a 410 stops its endpoint at once."""
    endpoint, history, now_ms = flight.endpoint, flight.delivery.history, lane.now_ms()
    plan = lane.shared.plan
    judge = None if endpoint.shape is None else endpoint.shape.judge
    decision = decide(outcome, history, plan, schedule_of(plan, endpoint), now_ms, judge)
    if isinstance(decision, Dead) and decision.reason == Reason.GONE:
        lane.shared.stopped[endpoint.endpoint_id] = endpoint.version
    if (
        isinstance(decision, Retry)
        and is_refused(outcome, asked_s := hold_s(outcome, now_ms))
        and flight.health.keeps_place(time.monotonic())
    ):
        # The endpoint refused it only because of others before it: that is not an attempt.
        send_time = Refusal(Reason.THROTTLED, send_at_ms=now_ms + int(asked_s * 1_000))
        return diverted(history, plan, send_time, now_ms)
    return decision


def is_overdue(lane: LaneContext, delivery: Delivery) -> bool:
    """Return whether a delivery is attempted even though the circuit of its endpoint is open."""
    try:
        schedule = schedule_of(lane.shared.plan, delivery.endpoint)
        return insists(delivery.history, schedule, lane.now_ms())
    except Exception as error:  # noqa: BLE001 - an extra attempt does no harm
        lane.defects.note(Stage.ADMIT, error, delivery.record)
        return True
