"""How much of an endpoint's may wait in memory, and whether reading waits for it. Pure.

Deliveries wait for two reasons that look alike. Where the worker is short of time, as after an
outage, queues move all the time, and reading has to wait for them: diverting would only make more
work. Such queues are *brisk*. Where the endpoint takes its time, reading continues:
what its slots can't take soon is diverted, so that the others don't wait for it.

What tells them apart is how long answers take beyond the time that the event loop takes to send a
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
"""One that answers none of its requests for so long is not."""
PATIENCE_S: Final = 1.0
"""So long may deliveries wait in the events lane, which commits past none of them."""
UNKNOWN_S: Final = 0.25
"""Before its first answer, an endpoint is expected to take so long."""
HOPE: Final = 1.25
"""Turns are given as if an endpoint took so many times what its answers and slots allow: one that
comes too soon waits in memory, while one that comes too late leaves a slot unused."""

SHRINKS_OVER: Final = 2_000
SHRINKS_EVERY: Final = 30
"""When much is in hand, an endpoint has a slot less for so many deliveries more."""


def is_brisk(slots: EndpointState, pulse: Pulse, now_s: float) -> bool:
    """Return whether what waits for an endpoint waits for the worker, not for the endpoint."""
    if slots.turns is not None or slots.standing.at_once != MANY_AT_ONCE:
        return False
    slack_s = pulse.round_s * ROUNDS
    mean_s = slots.standing.mean_s
    if mean_s is not None and mean_s - slack_s > BRISK_S:
        return False
    return silent_s(slots, now_s) - slack_s <= QUIET_S


def silent_s(slots: EndpointState, now_s: float) -> float:
    """Return for how long an endpoint has answered none of the requests that it has."""
    if not slots.flights:
        return 0.0
    oldest = next(iter(slots.flights))
    return now_s - max(slots.answered_s, oldest.began_s)


def per_s(slots: EndpointState, limits: AdmissionLimits, now_s: float) -> float:
    """Return how many deliveries an endpoint takes in a second; a guess is rather too high."""
    allowance = slots.standing.allowance
    if slots.turns is not None and (allowance is None or allowance.known):
        return slots.turns.per_s
    # While its limit is being learnt, what comes back too early is better than what is late.
    mean_s = slots.standing.mean_s
    expected_s = max(UNKNOWN_S if mean_s is None else mean_s, silent_s(slots, now_s), 0.001)
    concurrency = slots.standing.concurrency
    at_once = limits.in_flight if concurrency is None else concurrency.at_once
    return at_once / expected_s * HOPE


def room(slots: EndpointState, limits: AdmissionLimits, in_hand: int) -> int:
    """Return how many deliveries may wait for an endpoint."""
    if slots.brisk:
        return limits.queued
    return max(1, min(limits.queued, limits.shared - in_hand))


def most_in_flight(slots: EndpointState, limits: AdmissionLimits, in_hand: int) -> int:
    """Return how many requests to an endpoint may be on the wire at once."""
    most = min(limits.in_flight, slots.standing.at_once)
    if slots.standing.concurrency is not None:
        most = min(most, slots.standing.concurrency.at_once)
    if in_hand < limits.scarce:
        return most
    return max(1, min(most, (limits.scarce + SHRINKS_OVER - in_hand) // SHRINKS_EVERY))
