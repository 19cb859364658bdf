"""Read gate: pauses reading while queues wait for the worker."""

from __future__ import annotations

from typing import Final

from plaudit.deliver.isolation.endpoint_state import Clock
from plaudit.deliver.isolation.queue_room import is_worker_bound
from plaudit.deliver.isolation.queues import Queues

CHECK_EVERY_S: Final = 0.02
"""Interval of checks while reading is paused."""


class ReadGate:
    """Pauses reading for queues that wait for the worker, but not for queues of slow endpoints.

    Args:
        queues: the lane's queues.
        clock: the time.
        most: deliveries in worker-bound queues at which reading is paused.
    """

    def __init__(self, queues: Queues, clock: Clock, most: int) -> None:
        self._queues = queues
        self._clock = clock
        self._most = most
        self._checks_at_s: float | None = None

    @property
    def shut(self) -> bool:
        """Whether reading is paused; from any thread."""
        return self._queues.waiting_for_worker >= self._most

    def watch(self, now_s: float) -> None:
        """Schedule the next check, if reading is paused."""
        if self._checks_at_s is None and self.shut:
            self._checks_at_s = now_s + CHECK_EVERY_S
            self._clock.later(CHECK_EVERY_S, self._check)

    def _check(self) -> None:
        """Stop waiting for endpoints that have become slow."""
        now_s, pulse = self._clock.now_s(), self._clock.pulse
        pulse.turned(max(0.0, now_s - (self._checks_at_s or now_s)))
        self._checks_at_s = None
        for state in self._queues.states.values():
            if state.queue and state.worker_bound and not is_worker_bound(state, pulse, now_s):
                self._queues.set_worker_bound(state, worker_bound=False)
        self.watch(now_s)
