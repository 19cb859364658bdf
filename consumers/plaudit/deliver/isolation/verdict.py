"""Verdicts of admission: values that the pipeline carries out."""

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
    """Our own code raised an exception; the delivery that it stopped, if any, is in no queue.

    A plain class: a compiled named tuple can't have a field of an exception type.

    Attributes:
        delivery: that the exception stopped; None: the exception was not about one.
        error: the exception.
    """

    __slots__ = ("delivery", "error")

    def __init__(self, delivery: Delivery | None, error: Exception) -> None:
        self.delivery = delivery
        self.error = error


Next: TypeAlias = InFlight | Refused | Failed
"""What follows for a delivery: start the attempt, divert, or settle as a defect."""


class Queued(NamedTuple):
    """The delivery waits for its endpoint.

    Attributes:
        ready: what follows for the queue that it joined.
    """

    ready: Sequence[Next]


Verdict: TypeAlias = InFlight | Refused | Queued
NOTHING: Final[Sequence[Next]] = ()
QUEUED: Final = Queued(NOTHING)
