"""Housekeeping of endpoint state: hanging, usual and idle endpoints. Pure."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from plaudit.deliver.isolation.endpoint_health import SLOW_S
from plaudit.deliver.isolation.endpoint_state import EndpointState

FRESH_S: Final = 10.0
"""Endpoints that answered within this time define the usual duration."""
FORGET_S: Final = 5.0
"""An endpoint without deliveries is forgotten after this time, if it is healthy."""
FORGET_SLOW_S: Final = 60.0
"""… or after this time, if it is not worker-bound, so that the next flood is recognized sooner."""
FORGET_TROUBLE_S: Final = 900.0
"""… and after this time whatever its health: three times the longest opening of a circuit."""


def quick_quarter_s(everyone: Collection[EndpointState], now_s: float) -> float:
    """Return the mean duration at the slowest of the quickest quarter of endpoints."""
    means = sorted(
        state.health.mean_s
        for state in everyone
        if state.health.mean_s is not None
        and not state.health.open
        and now_s - state.answered_s < FRESH_S
    )
    return means[len(means) // 4] if means else 0.0


def hangs(state: EndpointState, now_s: float, slack_s: float) -> None:
    """Count an endpoint that does not answer as slow, without waiting for its time-outs."""
    oldest = next(iter(state.flights), None)
    if oldest is None or state.answered_s > oldest.began_s:
        return
    if now_s - oldest.began_s - slack_s > SLOW_S:
        oldest.health.slow_down(now_s)


def may_forget(state: EndpointState, now_s: float) -> bool:
    """Return whether an endpoint's state holds nothing that must be remembered."""
    idle_s = now_s - state.answered_s
    if idle_s < FORGET_S or state.timer is not None:
        return False
    if state.rate_limiter is not None and not state.rate_limiter.idle(now_s):
        return False
    if not state.worker_bound and idle_s < FORGET_SLOW_S:
        return False
    state.health.allowed_per_s(now_s)
    return state.health.pristine(now_s) or idle_s > FORGET_TROUBLE_S
