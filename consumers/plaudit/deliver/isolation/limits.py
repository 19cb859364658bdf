"""Limits of one endpoint, and of one workspace, in a worker."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class AdmissionLimits:
    """Limits of one endpoint, and of one workspace, in this worker.

    Attributes:
        in_flight: requests in flight.
        queued: deliveries that wait for a slot.
        shared: deliveries in hand of all endpoints; a queue that is not worker-bound may grow to
            the unused part of it. So a single endpoint gets half, ten get a twelfth each, and there
            is still room for another.
        scarce: deliveries in hand above which `in_flight` shrinks; 2,000 above it, `in_flight` is
            1. It is less than a lane reads, so that reading never stops for long requests.
        pause_reading_at: deliveries in worker-bound queues at which reading is paused. Few, so that
            the data of a delivery are still in the processor's cache when they are needed again; a
            batch of 100 is 20 ms of work, 10 in the compiled form.
        workspace: deliveries in hand of a workspace, above which each of its endpoints has one
            request in flight and no queue; 0: no limit.
    """

    in_flight: int = 64
    queued: int = 4_096
    shared: int = 7_500
    scarce: int = 7_500
    pause_reading_at: int = 100
    workspace: int = 0
