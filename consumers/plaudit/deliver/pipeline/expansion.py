"""Expansion of a record: deliveries, a dead letter, or a wide event."""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

from plaudit.deliver.model.decision import Decision
from plaudit.deliver.model.defects import Stage
from plaudit.deliver.model.delivery import Delivery
from plaudit.endpoints.model import Endpoint


class DeadRecord(NamedTuple):
    """The record can't be read, and becomes a dead letter."""

    reason: str
    detail: str


class WideEvent(NamedTuple):
    """The event may be for more endpoints than fit into one slice of time."""

    workspace_id: str


class Broken:
    """Our own code raised an exception for a delivery.

    A plain class: a compiled named tuple can't have a field of an exception type.

    Attributes:
        stage: where it was raised.
        error: the exception.
    """

    __slots__ = ("error", "stage")

    def __init__(self, stage: Stage, error: Exception) -> None:
        self.stage = stage
        self.error = error


Way: TypeAlias = "Endpoint | Decision | Broken"
"""Where a delivery goes: to its endpoint, or to what was decided without an attempt."""
Deliveries: TypeAlias = "list[tuple[Delivery, Way]]"
Expansion: TypeAlias = "Deliveries | DeadRecord | WideEvent"
