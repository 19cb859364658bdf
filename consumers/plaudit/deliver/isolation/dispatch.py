"""Dispatch of waiting deliveries, as slots, rates and health of their endpoint allow."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from plaudit.deliver.isolation.endpoint_health import Refusal
from plaudit.deliver.isolation.endpoint_state import Clock, EndpointState, InFlight
from plaudit.deliver.isolation.limits import AdmissionLimits
from plaudit.deliver.isolation.queues import Queues
from plaudit.deliver.isolation.room import most_in_flight
from plaudit.deliver.isolation.verdict import Failed, Next, Refused
from plaudit.deliver.model.decision import Reason
from plaudit.deliver.model.delivery import Delivery
from plaudit.deliver.offsets.pause_gate import PauseGate
from plaudit.endpoints.model import Endpoint


class Dispatcher:
    """Admits deliveries from the queues of one lane; see `Admission` for its arguments.

    What follows for a delivery is appended to a list that the caller passes in. So an exception
    never loses what was found before it.
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
        """Return whether an overdue delivery is attempted in spite of an open circuit."""
        return refusal.reason is Reason.CIRCUIT_OPEN and self._insists(delivery)

    def dispatch(self, slots: EndpointState, now_s: float, ready: list[Next]) -> None:
        """Admit as many waiting deliveries of an endpoint as it takes now.

        A delivery that our own code raises for leaves the queue, so that those behind it proceed.
        """
        while slots.queue:
            try:
                self._admit_waiting(slots, now_s, ready)
            except Exception as error:  # noqa: BLE001 - a defect of ours must not hold up a queue
                ready.append(self.give_up_head(slots, error))
            else:
                return

    def give_up_head(self, slots: EndpointState, error: Exception) -> Failed:
        """Take the first delivery out of a queue, because our own code raised an exception."""
        if not slots.queue:
            self._queues.recount()
            return Failed(None, error)
        head = slots.queue[0]
        return Failed(head if self._queues.give_up(head) else None, error)

    def shed(self, slots: EndpointState, refusal: Refusal, ready: list[Next]) -> None:
        """Take every delivery out of a queue that a refusal applies to."""
        leaving = [
            Refused(each, refusal) for each in slots.queue if not self.ignores(each, refusal)
        ]
        self._queues.keep(slots, lambda each: self.ignores(each, refusal))
        ready += leaving

    def _admit_waiting(self, slots: EndpointState, now_s: float, ready: list[Next]) -> None:
        if self._hold.closed:
            return
        flights, most = slots.flights, most_in_flight(slots, self._limits, self._queues.in_hand)
        if slots.turns is not None:
            most = min(most, slots.turns.most_open(now_s))
        while slots.queue and len(flights) < most and slots.timer is None:
            delivery = slots.queue[0]
            endpoint = delivery.endpoint
            if endpoint is None or not delivery.record.assignment.active:
                self._queues.leave(slots)
                self._queues.in_hand -= 1
                continue
            refusal = slots.standing.refusal(now_s, serves_slow=self._serves_all)
            if refusal is not None and not self.ignores(delivery, refusal):
                self.shed(slots, refusal, ready)
                continue
            wait_s = slots.standing.held_s(now_s)
            if not wait_s and slots.turns is not None:
                wait_s = slots.turns.take(now_s)
            if wait_s:
                slots.timer = self._clock.later(wait_s, partial(self._wake, slots))
                return
            # The head leaves its queue last: until then, it is the one that an exception stops.
            flight = open_flight(slots, delivery, endpoint, now_s)
            self._queues.leave(slots)
            ready.append(flight)

    def _wake(self, slots: EndpointState) -> None:
        slots.timer = None
        ready: list[Next] = []
        self.dispatch(slots, self._clock.now_s(), ready)
        self._on_ready(ready)


def open_flight(
    slots: EndpointState, delivery: Delivery, endpoint: Endpoint, now_s: float
) -> InFlight:
    """Give a delivery one of its endpoint's slots."""
    flight = InFlight(delivery, endpoint, slots.standing, now_s)
    slots.flights[flight] = None
    return flight
