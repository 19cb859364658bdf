"""Pause gate: closed during a rebalance, and while nothing can be written to Kafka."""

from __future__ import annotations


class PauseGate:
    """Gate of a lane; the consumer thread pauses it, and the event loop resumes it.

    It has two counters, each written by one thread only. So the resumption after one pause, still
    on its way to the event loop, can't end a second pause.

    Attributes:
        stalled: the brokers acknowledge nothing. Deliveries would be repeated if that lasted longer
            than a session. Belongs to the event loop.
    """

    __slots__ = ("_begun", "_ended", "stalled")

    def __init__(self) -> None:
        self._begun = 0
        self._ended = 0
        self.stalled = False

    @property
    def closed(self) -> bool:
        """Whether the lane is paused."""
        return self.stalled or self._begun != self._ended

    def pause(self) -> None:
        """Pause the lane."""
        self._begun += 1

    def generation(self) -> int:
        """Return the number of pauses so far."""
        return self._begun

    def resume(self, generation: int) -> None:
        """End the pauses up to a generation."""
        self._ended = generation
