"""Deliveries in hand of one lane, by endpoint, and how many of them wait."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from plaudit.deliver.delivery import Delivery
from plaudit.deliver.isolation.slots import Slots


class Queues:
    """What each endpoint has in hand; counts what waits as it comes and leaves.

    Attributes:
        slots: by endpoint.
        in_hand: deliveries that wait or are on the wire.
        waiting_briskly: deliveries in queues that move; reading waits for them.
    """

    def __init__(self) -> None:
        self.slots: dict[str, Slots] = {}
        self.in_hand = 0
        self.waiting_briskly = 0

    def wait(self, slots: Slots, delivery: Delivery, now_s: float) -> None:
        """Let a delivery wait, as the last of its endpoint's queue."""
        slots.wait(delivery, now_s)
        self.waiting_briskly += slots.brisk

    def leave(self, slots: Slots) -> Delivery:
        """Take the head of a queue; it stays in hand."""
        self.waiting_briskly -= slots.brisk
        return slots.queue.popleft()[0]

    def keep(self, slots: Slots, wanted: Callable[[Delivery], bool]) -> None:
        """Drop what is not wanted from a queue."""
        kept = deque(each for each in slots.queue if wanted(each[0]))
        gone = len(slots.queue) - len(kept)
        self.in_hand -= gone
        self.waiting_briskly -= gone * slots.brisk
        slots.queue = kept

    def set_brisk(self, slots: Slots, *, brisk: bool) -> None:
        """Take note of whether a queue moves."""
        if brisk is not slots.brisk:
            slots.brisk = brisk
            self.waiting_briskly += len(slots.queue) * (1 if brisk else -1)

    def forget(self, endpoint_id: str) -> None:
        """Forget an endpoint that has nothing in hand."""
        self.set_brisk(self.slots[endpoint_id], brisk=True)
        del self.slots[endpoint_id]
