"""Limits of one endpoint in a worker."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class AdmissionLimits:
    """Limits of one endpoint in this worker.

    Attributes:
        in_flight: requests in flight.
        queued: deliveries that wait for a slot.
        shared: deliveries in hand of all endpoints; a queue that is not brisk may grow to the
            unused part of it. So a single endpoint gets half, ten get a twelfth each, and a late
            one still finds room.
        scarce: deliveries in hand from which on `in_flight` shrinks; 2,000 later it is 1. It is
            less than a lane reads, so that reading never stops for long requests.
        briskly: deliveries in brisk queues from which on reading is paused. Few, so that the data
            of a delivery are still in the processor's cache when they are needed again; a batch of
            100 is 20 ms of work, 10 in the compiled form.
    """

    in_flight: int = 64
    queued: int = 4_096
    shared: int = 7_500
    scarce: int = 7_500
    briskly: int = 100
