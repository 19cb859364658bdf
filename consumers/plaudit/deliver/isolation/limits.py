"""What one endpoint may occupy in a worker."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class AdmissionLimits:
    """What one endpoint may occupy in this worker.

    Attributes:
        in_flight: requests on the wire at once.
        queued: deliveries that wait for a slot; a quarter, while the endpoint does not keep up.
        queued_tight: the same, while the lane has as much as `tight` in hand.
        tight: deliveries.
    """

    in_flight: int = 64
    queued: int = 4_096
    queued_tight: int = 64
    tight: int = 5_000

    def most_queued(self, in_hand: int, *, brisk: bool) -> int:
        """Return how many deliveries may wait for one endpoint.

        Args:
            in_hand: deliveries of the whole lane.
            brisk: whether the endpoint's queue moves.
        """
        if brisk:
            return self.queued
        if in_hand < self.tight:
            return max(1, self.queued // 4)
        return min(self.queued, self.queued_tight)
