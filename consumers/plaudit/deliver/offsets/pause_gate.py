"""Pause gate: closed during a rebalance, and while nothing can be written to Kafka."""

from __future__ import annotations


class PauseGate:
    """Gate of a lane, which the consumer thread closes and the event loop opens.

    It has two counters, each written by one thread only. So a delayed resumption after one pause
    can't end a second pause.

    Attributes:
        stalled: whether the brokers acknowledge nothing. If that lasted longer than a session,
            deliveries would be repeated. Belongs to the event loop.
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
