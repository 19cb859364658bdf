"""Diversion of refused deliveries, and schedules of endpoints."""

from __future__ import annotations

from collections.abc import Sequence

from plaudit.deliver.isolation.endpoint_health import Refusal
from plaudit.deliver.model.decision import Decision, RetryPlan, await_send_time, divert
from plaudit.deliver.model.delivery import History
from plaudit.endpoints.model import Endpoint
from plaudit.records.delays import Delay


def diverted(history: History, plan: RetryPlan, refusal: Refusal, now_ms: int) -> Decision:
    """Return the decision about a delivery that admission has refused."""
    reason, send_at_ms = refusal.reason, refusal.send_at_ms
    if send_at_ms is None:
        return divert(history, plan, reason, now_ms, wait_ms=int(refusal.wait_s * 1_000))
    return await_send_time(history, plan, reason, now_ms, send_at_ms=send_at_ms)


def schedule_of(plan: RetryPlan, endpoint: Endpoint | None) -> Sequence[Delay]:
    """Return the delays between attempts: the endpoint's own, or the plan's."""
    own = None if endpoint is None else endpoint.schedule
    return plan.schedule if own is None else own
