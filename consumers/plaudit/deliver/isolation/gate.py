"""Read gate: pauses reading while queues wait for the worker."""

from __future__ import annotations

from typing import Final

from plaudit.deliver.isolation.endpoint_state import Clock
from plaudit.deliver.isolation.queues import Queues
from plaudit.deliver.isolation.room import is_brisk

CHECK_EVERY_S: Final = 0.02
"""Interval of checks while reading is paused."""


class Gate:
    """Pauses reading for queues that wait for the worker, but not for queues of slow endpoints.

    Args:
        queues: of the lane.
        clock: the time.
        most: deliveries in brisk queues from which on reading is paused.
    """

    def __init__(self, queues: Queues, clock: Clock, most: int) -> None:
        self._queues = queues
        self._clock = clock
        self._most = most
        self._checks_at_s: float | None = None

    @property
    def shut(self) -> bool:
        """Whether reading is paused; from any thread."""
        return self._queues.waiting_briskly >= self._most

    def watch(self, now_s: float) -> None:
        """Check again soon, if reading is paused."""
        if self._checks_at_s is None and self.shut:
            self._checks_at_s = now_s + CHECK_EVERY_S
            self._clock.later(CHECK_EVERY_S, self._check)

    def _check(self) -> None:
        """Stop pausing for endpoints that have become slow."""
        now_s, pulse = self._clock.now_s(), self._clock.pulse
        pulse.turned(max(0.0, now_s - (self._checks_at_s or now_s)))
        self._checks_at_s = None
        for slots in self._queues.slots.values():
            if slots.queue and slots.brisk and not is_brisk(slots, pulse, now_s):
                self._queues.set_brisk(slots, brisk=False)
        self.watch(now_s)
