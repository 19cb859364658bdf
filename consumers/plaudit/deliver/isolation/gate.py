"""Read gate: pauses reading while queues wait for the worker."""

from __future__ import annotations

from typing import Final

from plaudit.deliver.isolation.endpoint_state import Clock
from plaudit.deliver.isolation.queues import Queues
from plaudit.deliver.isolation.room import is_brisk

LOOK_S: Final = 0.02
"""While reading waits, what it waits for is looked at so often."""


class Gate:
    """Lets reading wait for queues that wait for the worker, and for no others.

    Args:
        queues: of the lane.
        clock: the time.
        most: with so many deliveries in brisk queues, reading waits.
    """

    def __init__(self, queues: Queues, clock: Clock, most: int) -> None:
        self._queues = queues
        self._clock = clock
        self._most = most
        self._looks_at_s: float | None = None

    @property
    def shut(self) -> bool:
        """Whether reading waits; from any thread."""
        return self._queues.waiting_briskly >= self._most

    def watch(self, now_s: float) -> None:
        """Look again soon, if reading waits."""
        if self._looks_at_s is None and self.shut:
            self._looks_at_s = now_s + LOOK_S
            self._clock.later(LOOK_S, self._look)

    def _look(self) -> None:
        """Let reading wait no longer for endpoints that take their time."""
        now_s, pulse = self._clock.now_s(), self._clock.pulse
        pulse.turned(max(0.0, now_s - (self._looks_at_s or now_s)))
        self._looks_at_s = None
        for slots in self._queues.slots.values():
            if slots.queue and slots.brisk and not is_brisk(slots, pulse, now_s):
                self._queues.set_brisk(slots, brisk=False)
        self.watch(now_s)
