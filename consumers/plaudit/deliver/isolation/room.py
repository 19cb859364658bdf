"""Room in memory for the deliveries of an endpoint, and whether reading waits for them. Pure.

Deliveries wait for two reasons that look alike. If the worker is short of time, as after an outage,
queues move all the time, and reading waits for them: diverting would only add work. Such queues are
*brisk*. If the endpoint is slow, reading continues: deliveries that its slots can't take soon are
diverted, so that the others do not wait.

The difference is the duration of answers beyond the time that the event loop needs to send a
request and to see its answer.
"""

from __future__ import annotations

from typing import Final

from plaudit.deliver.isolation.endpoint_health import MANY_AT_ONCE
from plaudit.deliver.isolation.endpoint_state import EndpointState
from plaudit.deliver.isolation.limits import AdmissionLimits
from plaudit.deliver.offsets.pulse import ROUNDS, Pulse

BRISK_S: Final = 0.02
"""An endpoint that answers sooner is brisk: 64 slots do for 3,200 a second, and to write a delivery
to a tier and read it again costs the worker about as much time as to wait for that one."""
QUIET_S: Final = 0.05
"""An endpoint that answers none of its requests for this time is not brisk."""
PATIENCE_S: Final = 1.0
"""Deliveries may wait for this time in the events lane, which commits past none of them."""
UNKNOWN_S: Final = 0.25
"""Assumed duration of an endpoint's first answer."""
HOPE: Final = 1.25
"""Send times assume that an endpoint takes this factor more than its answers and slots allow. A
delivery that returns too early waits in memory, while a late one leaves a slot unused."""

SHRINKS_OVER: Final = 2_000
SHRINKS_EVERY: Final = 30
"""When much is in hand, each further 30 deliveries take one slot from every endpoint."""


def is_brisk(slots: EndpointState, pulse: Pulse, now_s: float) -> bool:
    """Return whether a queue waits for the worker, and not for its endpoint."""
    if slots.turns is not None or slots.standing.at_once != MANY_AT_ONCE:
        return False
    slack_s = pulse.round_s * ROUNDS
    mean_s = slots.standing.mean_s
    if mean_s is not None and mean_s - slack_s > BRISK_S:
        return False
    return silent_s(slots, now_s) - slack_s <= QUIET_S


def silent_s(slots: EndpointState, now_s: float) -> float:
    """Return the seconds since an endpoint with requests in flight has last answered."""
    if not slots.flights:
        return 0.0
    oldest = next(iter(slots.flights))
    return now_s - max(slots.answered_s, oldest.began_s)


def per_s(slots: EndpointState, limits: AdmissionLimits, now_s: float) -> float:
    """Return the deliveries that an endpoint takes in a second; an estimate is rather too high."""
    allowance = slots.standing.allowance
    if slots.turns is not None and (allowance is None or allowance.known):
        return slots.turns.per_s
    # While the limit is being learnt, it is better to return too early than too late.
    mean_s = slots.standing.mean_s
    expected_s = max(UNKNOWN_S if mean_s is None else mean_s, silent_s(slots, now_s), 0.001)
    concurrency = slots.standing.concurrency
    at_once = limits.in_flight if concurrency is None else concurrency.at_once
    return at_once / expected_s * HOPE


def room(slots: EndpointState, limits: AdmissionLimits, in_hand: int) -> int:
    """Return the number of deliveries that may wait for an endpoint."""
    if slots.brisk:
        return limits.queued
    return max(1, min(limits.queued, limits.shared - in_hand))


def most_in_flight(slots: EndpointState, limits: AdmissionLimits, in_hand: int) -> int:
    """Return the number of requests to an endpoint that may be in flight."""
    most = min(limits.in_flight, slots.standing.at_once)
    if slots.standing.concurrency is not None:
        most = min(most, slots.standing.concurrency.at_once)
    if in_hand < limits.scarce:
        return most
    return max(1, min(most, (limits.scarce + SHRINKS_OVER - in_hand) // SHRINKS_EVERY))
