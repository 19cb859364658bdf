"""Dispatch of waiting deliveries, as slots, rates and health of their endpoint allow."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from plaudit.deliver.isolation.endpoint_health import Refusal
from plaudit.deliver.isolation.endpoint_state import Clock, EndpointState, InFlight
from plaudit.deliver.isolation.limits import AdmissionLimits
from plaudit.deliver.isolation.queue_room import most_in_flight
from plaudit.deliver.isolation.queues import Queues
from plaudit.deliver.isolation.verdict import Failed, Next, Refused
from plaudit.deliver.model.decision import Reason
from plaudit.deliver.model.delivery import Delivery
from plaudit.deliver.offsets.pause_gate import PauseGate
from plaudit.endpoints.model import Endpoint


class Dispatcher:
    """Admits deliveries from the queues of one lane; see `Admission` for its arguments.

    Verdicts are appended to a list that the caller passes in. So an exception never loses earlier
    verdicts.
    """

    def __init__(
        self,
        queues: Queues,
        limits: AdmissionLimits,
        insists: Callable[[Delivery], bool],
        on_ready: Callable[[Sequence[Next]], None],
        clock: Clock,
        *,
        serves_all: bool,
        hold: PauseGate,
    ) -> None:
        self._queues = queues
        self._limits = limits
        self._insists = insists
        self._on_ready = on_ready
        self._clock = clock
        self._serves_all = serves_all
        self._hold = hold

    def ignores(self, delivery: Delivery, refusal: Refusal) -> bool:
        """Return whether an overdue delivery is attempted although the circuit is open."""
        return refusal.reason is Reason.CIRCUIT_OPEN and self._insists(delivery)

    def dispatch(self, state: EndpointState, now_s: float, ready: list[Next]) -> None:
        """Admit as many waiting deliveries of an endpoint as it can take now.

        A delivery for which the worker's code raises leaves the queue, so that those behind it
        proceed.
        """
        while state.queue:
            try:
                self._admit_waiting(state, now_s, ready)
            except Exception as error:  # noqa: BLE001 - a defect must not block a queue
                ready.append(self.give_up_head(state, error))
            else:
                return

    def give_up_head(self, state: EndpointState, error: Exception) -> Failed:
        """Remove the first delivery from a queue, because the worker's code raised an exception."""
        if not state.queue:
            self._queues.recount()
            return Failed(None, error)
        head = state.queue[0]
        return Failed(head if self._queues.give_up(head) else None, error)

    def shed(self, state: EndpointState, refusal: Refusal, ready: list[Next]) -> None:
        """Remove every delivery to which a refusal applies from a queue."""
        leaving = [
            Refused(each, refusal) for each in state.queue if not self.ignores(each, refusal)
        ]
        self._queues.keep(state, lambda each: self.ignores(each, refusal))
        ready += leaving

    def _admit_waiting(self, state: EndpointState, now_s: float, ready: list[Next]) -> None:
        if self._hold.closed:
            return
        flights, most = state.flights, most_in_flight(state, self._limits, self._queues.in_hand)
        if state.rate_limiter is not None:
            most = min(most, state.rate_limiter.most_open(now_s))
        while state.queue and len(flights) < most and state.timer is None:
            delivery = state.queue[0]
            endpoint = delivery.endpoint
            if endpoint is None or not delivery.record.assignment.active:
                self._queues.leave(state)
                self._queues.in_hand -= 1
                continue
            refusal = state.health.refusal(now_s, serves_slow=self._serves_all)
            if refusal is not None and not self.ignores(delivery, refusal):
                self.shed(state, refusal, ready)
                continue
            wait_s = state.health.held_s(now_s)
            if not wait_s and state.rate_limiter is not None:
                wait_s = state.rate_limiter.take(now_s)
            if wait_s:
                state.timer = self._clock.later(wait_s, partial(self._wake, state))
                return
            # The head leaves its queue last: until then, an exception is attributed to it.
            flight = open_flight(state, delivery, endpoint, now_s)
            self._queues.leave(state)
            ready.append(flight)

    def _wake(self, state: EndpointState) -> None:
        state.timer = None
        ready: list[Next] = []
        self.dispatch(state, self._clock.now_s(), ready)
        self._on_ready(ready)


def open_flight(
    state: EndpointState, delivery: Delivery, endpoint: Endpoint, now_s: float
) -> InFlight:
    """Give a delivery one of its endpoint's slots."""
    flight = InFlight(delivery, endpoint, state.health, now_s)
    state.flights[flight] = None
    return flight
