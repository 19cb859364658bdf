"""Head-of-line relief: diverts or evicts the deliveries that keep a window, or the lane, full.

Offsets are committed in order, so one hanging delivery would sooner or later stop its partition.
When a window is 80 % full, the waiting deliveries that keep it full are diverted. Attempts that
keep it full are evicted after 5 s: an eviction counts as an attempt, and the endpoint counts as
slow, so that its next deliveries are diverted. When the lane as a whole is 80 % full, the same
happens to all attempts of that age, and to all deliveries that wait for slow endpoints.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from plaudit.deliver.isolation.admission import Admission
from plaudit.deliver.isolation.endpoint_state import InFlight
from plaudit.deliver.isolation.verdict import Refused
from plaudit.deliver.model.delivery import Delivery
from plaudit.deliver.offsets.assignment import Assignment
from plaudit.transport.errors import AnswerFailed

if TYPE_CHECKING:
    from typing import Self

EVICT_AFTER_S: Final = 5.0
CROWDED: Final = 0.8


class Evicted(AnswerFailed):
    """The worker cancelled the request; the endpoint may have received and processed it."""

    code = "evicted"
    says = "cancelled, because others waited for it"

    @classmethod
    def after(cls, seconds: float) -> Self:
        """Return the error of an attempt, with its time in flight."""
        return cls(f"no answer after {seconds:.1f} s")


@dataclass(frozen=True, slots=True)
class Relief:
    """Deliveries to divert and attempts to evict.

    Attributes:
        diverted: deliveries that were removed from their queues.
        evicted: attempts to cancel.
    """

    diverted: Sequence[Refused] = ()
    evicted: Sequence[InFlight] = ()


def relief(
    admission: Admission,
    assignments: Sequence[Assignment],
    fill: float,
    now_s: float,
) -> Relief:
    """Return the deliveries that keep a window, or the lane, full.

    Args:
        admission: the lane's admission.
        assignments: partitions that the lane holds.
        fill: used share of the lane's capacity.
        now_s: monotonic seconds.
    """
    full = fill >= CROWDED
    if not full and not any(each.crowded_below for each in assignments):
        return Relief()

    def crowds(delivery: Delivery) -> bool:
        return delivery.record.offset < delivery.record.assignment.crowded_below

    diverted = admission.divert_waiting(crowds, worker_bound=True)
    if full:
        diverted += admission.divert_waiting(lambda _: True, worker_bound=False)
    began_before_s = now_s - EVICT_AFTER_S - admission.slack_s
    evicted = [
        flight
        for flight in admission.queues.flights
        if flight.began_s <= began_before_s and (full or crowds(flight.delivery))
    ]
    return Relief(diverted, evicted)
