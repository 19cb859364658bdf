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


class Failed(NamedTuple):
    """Our own code raised an exception; the delivery that it stopped, if any, is in no queue."""

    delivery: Delivery | None
    error: Exception


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
