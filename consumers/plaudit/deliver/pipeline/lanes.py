"""Kinds of lanes: how each expands a record, and which endpoints it serves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from plaudit.deliver.offsets.assignment import Record
from plaudit.deliver.pipeline import deliveries, events
from plaudit.deliver.pipeline.context import LaneContext
from plaudit.deliver.pipeline.expansion import Expansion


@dataclass(frozen=True, slots=True)
class LaneKind:
    """One kind of lane.

    Attributes:
        expand: returns the deliveries of a record.
        serves_all: whether the lane serves endpoints that are slow or have a rate limit; only where
            an endpoint has one owner.
    """

    expand: Callable[[LaneContext, Record], Expansion]
    serves_all: bool


EVENTS: Final = LaneKind(events.expand, serves_all=False)
DELIVERIES: Final = LaneKind(deliveries.expand, serves_all=True)
