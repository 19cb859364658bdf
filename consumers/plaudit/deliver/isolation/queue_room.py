"""Room in an endpoint's queue, and whether reading waits for that queue. Pure.

Deliveries wait for two reasons. If the worker is short of time, as after an outage, every queue
advances, and reading waits: diverting would only add work. Such queues are *worker-bound*. If the
endpoint is slow, reading continues: deliveries that its slots can't take soon are diverted, so that
the others do not wait.

The two differ in the duration of answers, without the time that the event loop needs to
send a request and to read its answer.
"""

from __future__ import annotations

from typing import Final

from plaudit.deliver.isolation.endpoint_health import MANY_AT_ONCE
from plaudit.deliver.isolation.endpoint_state import EndpointState
from plaudit.deliver.isolation.limits import AdmissionLimits
from plaudit.deliver.offsets.pulse import ROUNDS, Pulse

BRISK_S: Final = 0.02
"""The queue of an endpoint that answers sooner is worker-bound: 64 slots suffice for 3,200 requests
a second, and a diversion costs the worker about as much time as waiting for one answer."""
QUIET_S: Final = 0.05
"""The queue of an endpoint that does not answer any request for this time is not worker-bound."""
PATIENCE_S: Final = 1.0
"""Longest wait in the events lane, which can't commit past a waiting delivery."""
UNKNOWN_S: Final = 0.25
"""Assumed duration of an endpoint's first answer."""
HOPE: Final = 1.25
"""Send times assume that an endpoint accepts this factor more than its answers and slots allow. A
delivery that returns too early waits in memory, while a late one leaves a slot unused."""

SHRINKS_OVER: Final = 2_000
SHRINKS_EVERY: Final = 30
"""Above `scarce` deliveries in hand, each further 30 take one slot from every endpoint."""


def is_worker_bound(state: EndpointState, pulse: Pulse, now_s: float) -> bool:
    """Return whether a queue waits for the worker, and not for its endpoint."""
    if state.rate_limiter is not None or state.health.at_once != MANY_AT_ONCE:
        return False
    slack_s = pulse.round_s * ROUNDS
    mean_s = state.health.mean_s
    if mean_s is not None and mean_s - slack_s > BRISK_S:
        return False
    return silent_s(state, now_s) - slack_s <= QUIET_S


def silent_s(state: EndpointState, now_s: float) -> float:
    """Return the seconds since an endpoint with requests in flight last answered."""
    if not state.flights:
        return 0.0
    oldest = next(iter(state.flights))
    return now_s - max(state.answered_s, oldest.began_s)


def per_s(state: EndpointState, limits: AdmissionLimits, now_s: float) -> float:
    """Return the deliveries that an endpoint accepts in a second, rather too many than too few."""
    allowance = state.health.allowance
    if state.rate_limiter is not None and (allowance is None or allowance.known):
        return state.rate_limiter.per_s
    # While the limit is unknown, deliveries should return too early rather than too late.
    mean_s = state.health.mean_s
    expected_s = max(UNKNOWN_S if mean_s is None else mean_s, silent_s(state, now_s), 0.001)
    concurrency = state.health.concurrency
    at_once = limits.in_flight if concurrency is None else concurrency.at_once
    return at_once / expected_s * HOPE


def queue_room(state: EndpointState, limits: AdmissionLimits, in_hand: int) -> int:
    """Return the number of deliveries that may wait for an endpoint."""
    if state.worker_bound:
        return limits.queued
    return max(1, min(limits.queued, limits.shared - in_hand))


def most_in_flight(state: EndpointState, limits: AdmissionLimits, in_hand: int) -> int:
    """Return the number of requests to an endpoint that may be in flight."""
    most = min(limits.in_flight, state.health.at_once)
    if state.health.concurrency is not None:
        most = min(most, state.health.concurrency.at_once)
    if in_hand < limits.scarce:
        return most
    return max(1, min(most, (limits.scarce + SHRINKS_OVER - in_hand) // SHRINKS_EVERY))
