"""Verdicts of admission, which the pipeline carries out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple, TypeAlias

from plaudit.deliver.isolation.endpoint_health import Refusal
from plaudit.deliver.isolation.endpoint_state import InFlight
from plaudit.deliver.model.delivery import Delivery


class Refused(NamedTuple):
    """The delivery is diverted: its endpoint can't take it now."""

    delivery: Delivery
    refusal: Refusal


class Failed:
    """The worker's code raised an exception; the delivery, if any, has left its queue.

    A plain class: a compiled named tuple can't have a field of an exception type.

    Attributes:
        delivery: the delivery that the exception stopped; None: it did not concern one.
        error: the exception.
    """

    __slots__ = ("delivery", "error")

    def __init__(self, delivery: Delivery | None, error: Exception) -> None:
        self.delivery = delivery
        self.error = error


Next: TypeAlias = InFlight | Refused | Failed
"""Next step of a delivery: start the attempt, divert, or settle as a defect."""


class Queued(NamedTuple):
    """The delivery waits for its endpoint.

    Attributes:
        ready: verdicts about the queue that the delivery joined.
    """

    ready: Sequence[Next]


Verdict: TypeAlias = InFlight | Refused | Queued
NOTHING: Final[Sequence[Next]] = ()
QUEUED: Final = Queued(NOTHING)
