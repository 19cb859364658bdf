"""Limits of one endpoint in a worker."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class AdmissionLimits:
    """Limits of one endpoint in this worker.

    Attributes:
        in_flight: requests on the wire at once.
        queued: deliveries that wait for a slot.
        shared: deliveries in hand of all endpoints; what is left of them is what a queue that is
            not brisk may grow to. So one endpoint alone gets half of it, ten get a twelfth each,
            and one that comes late still finds room.
        scarce: deliveries in hand from which on `in_flight` shrinks; 2,000 later it is 1. Short of
            what one lane reads at most, so that reading never stops for requests that take long.
        briskly: with so many in brisk queues, reading waits. Few, so that what a delivery is made
            of is still in the processor's cache when it is needed again; a batch of 100 is 20 ms
            of work, 10 where that is compiled.
    """

    in_flight: int = 64
    queued: int = 4_096
    shared: int = 7_500
    scarce: int = 7_500
    briskly: int = 100
