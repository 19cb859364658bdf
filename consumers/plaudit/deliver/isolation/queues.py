"""Queues of one lane's deliveries in hand, by endpoint."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterator

from plaudit.deliver.isolation.endpoint_health import EndpointHealth
from plaudit.deliver.isolation.endpoint_state import EndpointState, InFlight
from plaudit.deliver.isolation.known import Standings
from plaudit.deliver.model.delivery import Delivery
from plaudit.deliver.offsets.assignment import Record


class Queues:
    """Deliveries in hand of each endpoint, with counts.

    Args:
        known: health of the endpoints, shared by the lanes.

    Attributes:
        slots: state of each endpoint.
        in_hand: deliveries that wait or are in flight.
        waiting_briskly: deliveries in queues that move; reading waits for them.
    """

    def __init__(self, known: Standings) -> None:
        self._known = known
        self.slots: dict[str, EndpointState] = {}
        self.in_hand = 0
        self.waiting_briskly = 0

    @property
    def deliveries(self) -> Iterator[Delivery]:
        """Deliveries that wait or are in flight."""
        for slots in self.slots.values():
            yield from slots.queue
            for flight in slots.flights:
                yield flight.delivery

    @property
    def begun_in_part(self) -> set[Record]:
        """Records of which some deliveries wait and others do not."""
        waits = Counter(each.record for slots in self.slots.values() for each in slots.queue)
        return {record for record, count in waits.items() if count < record.deliveries}

    @property
    def flights(self) -> Iterator[InFlight]:
        """Attempts in flight, for each endpoint the oldest first."""
        for slots in tuple(self.slots.values()):
            yield from tuple(slots.flights)

    @property
    def standings(self) -> list[EndpointHealth]:
        """Health of every remembered endpoint; from any thread."""
        return [slots.standing for slots in tuple(self.slots.values())]

    @property
    def longest(self) -> int:
        """Length of the longest queue; from any thread."""
        return max((len(slots.queue) for slots in tuple(self.slots.values())), default=0)

    def open(self, endpoint_id: str, version: int, now_s: float) -> EndpointState:
        """Return the state of an endpoint that had none."""
        standing = self._known.join(endpoint_id, version, now_s)
        slots = self.slots[endpoint_id] = EndpointState(version, standing, now_s)
        return slots

    def renew(self, endpoint_id: str, version: int) -> None:
        """Adopt another version of an endpoint."""
        slots = self.slots[endpoint_id]
        slots.version = version
        slots.standing = self._known.renew(endpoint_id, version)

    def wait(self, slots: EndpointState, delivery: Delivery) -> None:
        """Append a delivery to its endpoint's queue."""
        slots.wait(delivery)
        self.waiting_briskly += slots.brisk

    def leave(self, slots: EndpointState) -> Delivery:
        """Remove the head of a queue; it stays in hand."""
        self.waiting_briskly -= slots.brisk
        return slots.queue.popleft()

    def keep(self, slots: EndpointState, wanted: Callable[[Delivery], bool]) -> None:
        """Drop unwanted deliveries from a queue."""
        kept = deque(each for each in slots.queue if wanted(each))
        gone = len(slots.queue) - len(kept)
        self.in_hand -= gone
        self.waiting_briskly -= gone * slots.brisk
        slots.queue = kept

    def set_brisk(self, slots: EndpointState, *, brisk: bool) -> None:
        """Note whether a queue moves."""
        if brisk is not slots.brisk:
            slots.brisk = brisk
            self.waiting_briskly += len(slots.queue) * (1 if brisk else -1)

    def give_up(self, delivery: Delivery) -> bool:
        """Take a delivery out of its queue, and recount, after a defect.

        Returns:
            Whether the delivery is not in flight either, so that no code has it in hand.
        """
        slots = self.slots.get(delivery.endpoint_id)
        started = False
        if slots is not None:
            slots.queue = deque(each for each in slots.queue if each is not delivery)
            for flight in [each for each in slots.flights if each.delivery is delivery]:
                if flight.started_ms:
                    started = True
                else:
                    # It was admitted, and nothing was sent: it has no outcome to wait for.
                    del slots.flights[flight]
                    flight.standing.drop(flight.permit)
        self.recount()
        return not started

    def free(self, flight: InFlight) -> None:
        """Free the slot of an attempt that has ended, after a defect of `release`."""
        slots = self.slots.get(flight.delivery.endpoint_id)
        if slots is not None and slots.flights.pop(flight, self) is None:
            # Its probe, if it was one, is never reported: so the next one may go.
            flight.standing.drop(flight.permit)
        self.recount()

    def recount(self) -> None:
        """Recount what is in hand: a defect may have separated two counts that belong together."""
        every = self.slots.values()
        waiting = sum(len(each.queue) for each in every)
        self.in_hand = waiting + sum(len(each.flights) for each in every)
        self.waiting_briskly = sum(len(each.queue) for each in every if each.brisk)

    def forget(self, endpoint_id: str) -> None:
        """Forget an endpoint that has nothing in hand."""
        self.set_brisk(self.slots[endpoint_id], brisk=True)
        del self.slots[endpoint_id]
        self._known.leave(endpoint_id)
