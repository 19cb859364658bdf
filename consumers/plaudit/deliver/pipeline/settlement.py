"""Settlement of deliveries, which no defect leaves unsettled."""

from __future__ import annotations

from plaudit.deliver.isolation.endpoint_health import Refusal
from plaudit.deliver.model.attempted import Attempted, outcome_of
from plaudit.deliver.model.decision import Dead, Decision, Reason, decide
from plaudit.deliver.model.defects import Stage, defect_of
from plaudit.deliver.model.delivery import Delivery
from plaudit.deliver.pipeline.context import LaneContext
from plaudit.deliver.pipeline.diversions import diverted, schedule_of
from plaudit.deliver.pipeline.expansion import ExpansionDefect
from plaudit.deliver.settle.tickets import Ticket


def settle(
    lane: LaneContext,
    delivery: Delivery,
    decision: Decision,
    attempted: Attempted | None = None,
) -> None:
    """Write the decision about a delivery. A delivery without an attempt begins here."""
    if attempted is None:
        delivery.record.assignment.begun += 1
    try:
        ticket = lane.shared.settler.settle(delivery, decision, attempted)
    except Exception as error:  # noqa: BLE001 - a defect of ours must not lose a delivery
        _settle_defect(lane, delivery, Stage.SETTLE, error, attempted)
        return
    try:
        _report(lane, delivery, decision, attempted, ticket)
    except Exception as error:  # noqa: BLE001 - the delivery is settled, with or without its log event
        lane.defects.note(Stage.REPORT, error, delivery.record)


def settle_unattempted(
    lane: LaneContext, delivery: Delivery, route: Decision | ExpansionDefect
) -> None:
    """Settle a delivery without an attempt."""
    if isinstance(route, ExpansionDefect):
        fail(lane, delivery, route.stage, route.error)
    else:
        settle(lane, delivery, route)


def divert(lane: LaneContext, delivery: Delivery, refusal: Refusal) -> None:
    """Send a delivery to a tier, without an attempt."""
    try:
        decision = diverted(delivery.history, lane.shared.plan, refusal, lane.now_ms())
    except Exception as error:  # noqa: BLE001 - a defect of ours must not lose a delivery
        fail(lane, delivery, Stage.ADMIT, error)
        return
    settle(lane, delivery, decision)


def fail(
    lane: LaneContext,
    delivery: Delivery,
    stage: Stage,
    error: Exception,
    attempted: Attempted | None = None,
) -> None:
    """Retry a delivery on its schedule because of a defect.

    Args:
        lane: context of the delivery's lane.
        delivery: the delivery; it has left its queue, and its attempt, if any, has ended.
        stage: where the exception was raised.
        error: the exception.
        attempted: the HTTP attempt, if one was made; without one, the delivery begins here.
    """
    if attempted is None:
        delivery.record.assignment.begun += 1
    _settle_defect(lane, delivery, stage, error, attempted)


def _settle_defect(
    lane: LaneContext,
    delivery: Delivery,
    stage: Stage,
    error: Exception,
    attempted: Attempted | None,
) -> None:
    lane.defects.note(stage, error, delivery.record, delivery.endpoint_id)
    shared, made, detail = lane.shared, attempted, type(error).__name__
    ticket: Ticket | None = None
    try:
        outcome, now_ms = defect_of(error), lane.now_ms()
        detail = str(outcome)
        made = Attempted(outcome, now_ms if attempted is None else attempted.started_at_ms)
        schedule = schedule_of(shared.plan, delivery.endpoint)
        decision = decide(outcome, delivery.history, shared.plan, schedule, now_ms)
        ticket = shared.settler.settle(delivery, decision, made, needs_line=False)
    except Exception as again:  # noqa: BLE001 - the last resort: its record as a dead letter
        lane.defects.note(Stage.SETTLE, again, delivery.record)
        decision = Dead(Reason.DEFECT, detail)
        shared.settler.dead_letter(delivery.record, decision.reason, detail)
    try:
        _report(lane, delivery, decision, made, ticket)
    except Exception as again:  # noqa: BLE001 - it is settled all the same
        lane.defects.note(Stage.REPORT, again, delivery.record)


def _report(
    lane: LaneContext,
    delivery: Delivery,
    decision: Decision,
    attempted: Attempted | None,
    ticket: Ticket | None,
) -> None:
    """Count, trace and log a settled delivery; the log names the trace."""
    spans = lane.shared.spans
    if spans is not None and ticket is not None:
        ticket.on_written = spans.end(delivery, decision, attempted)
    lane.counters.settle(outcome_of(decision), decision)
    lane.counters.workspaces.add(delivery.event.workspace_id)
    lane.shared.reporter.report(delivery, decision, attempted)
