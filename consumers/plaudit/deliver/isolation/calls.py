"""What admission calls."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from plaudit.deliver.isolation.endpoint_health import Refusal
from plaudit.deliver.isolation.endpoint_state import InFlight
from plaudit.deliver.model.delivery import Delivery


@dataclass(frozen=True, slots=True)
class Calls:
    """What admission calls.

    Attributes:
        start: begins an attempt; it calls `finished` when that has ended.
        divert: sends a delivery to a tier instead.
        insists: whether a delivery has waited for so long that no open circuit keeps it.
        defect: hears what our own code has raised; settles the delivery that it stopped, if any.
    """

    start: Callable[[InFlight], None]
    divert: Callable[[Delivery, Refusal], None]
    insists: Callable[[Delivery], bool]
    defect: Callable[[Delivery | None, Exception], None]
