"""Queues of one lane's deliveries in hand, by endpoint."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterator

from plaudit.deliver.isolation.endpoint_health import EndpointHealth
from plaudit.deliver.isolation.endpoint_state import EndpointState, InFlight
from plaudit.deliver.isolation.health_registry import HealthRegistry
from plaudit.deliver.model.delivery import Delivery
from plaudit.deliver.offsets.assignment import Record


class Queues:
    """Deliveries in hand of each endpoint, with counts.

    Args:
        registry: health of the endpoints, shared by the lanes.

    Attributes:
        states: states by endpoint id.
        in_hand: deliveries that wait or are in flight.
        waiting_for_worker: deliveries in worker-bound queues; reading waits for them.
    """

    def __init__(self, registry: HealthRegistry) -> None:
        self._registry = registry
        self.states: dict[str, EndpointState] = {}
        self.in_hand = 0
        self.waiting_for_worker = 0

    @property
    def deliveries(self) -> Iterator[Delivery]:
        """Deliveries that wait or are in flight."""
        for state in self.states.values():
            yield from state.queue
            for flight in state.flights:
                yield flight.delivery

    @property
    def begun_in_part(self) -> set[Record]:
        """Records of which some deliveries wait and others do not."""
        waits = Counter(each.record for state in self.states.values() for each in state.queue)
        return {record for record, count in waits.items() if count < record.deliveries}

    @property
    def flights(self) -> Iterator[InFlight]:
        """Attempts in flight, for each endpoint the oldest first."""
        for state in tuple(self.states.values()):
            yield from tuple(state.flights)

    @property
    def known_health(self) -> list[EndpointHealth]:
        """Health of every remembered endpoint; from any thread."""
        return [state.health for state in tuple(self.states.values())]

    @property
    def longest(self) -> int:
        """Length of the longest queue; from any thread."""
        return max((len(state.queue) for state in tuple(self.states.values())), default=0)

    def open(self, endpoint_id: str, version: int, now_s: float) -> EndpointState:
        """Return the new state of an endpoint."""
        health = self._registry.join(endpoint_id, version, now_s)
        state = self.states[endpoint_id] = EndpointState(version, health, now_s)
        return state

    def renew(self, endpoint_id: str, version: int) -> None:
        """Adopt a new version of an endpoint."""
        state = self.states[endpoint_id]
        state.version = version
        state.health = self._registry.renew(endpoint_id, version)

    def wait(self, state: EndpointState, delivery: Delivery) -> None:
        """Append a delivery to its endpoint's queue."""
        state.wait(delivery)
        self.waiting_for_worker += state.worker_bound

    def leave(self, state: EndpointState) -> Delivery:
        """Remove the head of a queue; it stays in hand."""
        self.waiting_for_worker -= state.worker_bound
        return state.queue.popleft()

    def keep(self, state: EndpointState, wanted: Callable[[Delivery], bool]) -> None:
        """Drop unwanted deliveries from a queue."""
        kept = deque(each for each in state.queue if wanted(each))
        gone = len(state.queue) - len(kept)
        self.in_hand -= gone
        self.waiting_for_worker -= gone * state.worker_bound
        state.queue = kept

    def set_worker_bound(self, state: EndpointState, *, worker_bound: bool) -> None:
        """Note whether a queue is worker-bound."""
        if worker_bound is not state.worker_bound:
            state.worker_bound = worker_bound
            self.waiting_for_worker += len(state.queue) * (1 if worker_bound else -1)

    def give_up(self, delivery: Delivery) -> bool:
        """Remove a delivery from its queue, and recount, after a defect.

        Returns:
            Whether the delivery is not in flight either, so that nothing has it in hand.
        """
        state = self.states.get(delivery.endpoint_id)
        started = False
        if state is not None:
            state.queue = deque(each for each in state.queue if each is not delivery)
            for flight in [each for each in state.flights if each.delivery is delivery]:
                if flight.started_ms:
                    started = True
                else:
                    # It was admitted, and nothing was sent: it has no outcome to wait for.
                    del state.flights[flight]
                    flight.health.drop(flight.permit)
        self.recount()
        return not started

    def free(self, flight: InFlight) -> None:
        """Free the slot of an attempt that has ended, after a defect of `release`."""
        state = self.states.get(flight.delivery.endpoint_id)
        if state is not None and state.flights.pop(flight, self) is None:
            # The outcome of a probe would never be reported, so the next probe is allowed.
            flight.health.drop(flight.permit)
        self.recount()

    def recount(self) -> None:
        """Recount the deliveries in hand: a defect may have left the counts inconsistent."""
        every = self.states.values()
        waiting = sum(len(each.queue) for each in every)
        self.in_hand = waiting + sum(len(each.flights) for each in every)
        self.waiting_for_worker = sum(len(each.queue) for each in every if each.worker_bound)

    def forget(self, endpoint_id: str) -> None:
        """Forget an endpoint without deliveries in hand."""
        self.set_worker_bound(self.states[endpoint_id], worker_bound=True)
        del self.states[endpoint_id]
        self._registry.leave(endpoint_id)
