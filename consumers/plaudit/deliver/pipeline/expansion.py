"""Results of expanding a record: deliveries, a dead record, or a wide event."""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

from plaudit.deliver.model.decision import Decision
from plaudit.deliver.model.defects import Stage
from plaudit.deliver.model.delivery import Delivery
from plaudit.endpoints.model import Endpoint


class DeadRecord(NamedTuple):
    """The record can't be read and becomes a dead letter."""

    reason: str
    detail: str


class WideEvent(NamedTuple):
    """The event may match more endpoints than fit into one slice of time."""

    workspace_id: str


class ExpansionDefect:
    """The worker's code raised an exception for a delivery.

    A plain class: a compiled named tuple can't have a field of an exception type.

    Attributes:
        stage: where it was raised.
        error: the exception.
    """

    __slots__ = ("error", "stage")

    def __init__(self, stage: Stage, error: Exception) -> None:
        self.stage = stage
        self.error = error


Route: TypeAlias = "Endpoint | Decision | ExpansionDefect"
"""Route of a delivery: its endpoint, or a decision without an attempt."""
Deliveries: TypeAlias = "list[tuple[Delivery, Route]]"
Expansion: TypeAlias = "Deliveries | DeadRecord | WideEvent"
