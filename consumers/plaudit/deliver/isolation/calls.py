"""What admission calls."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from plaudit.deliver.delivery import Delivery
from plaudit.deliver.isolation.slots import Flight
from plaudit.deliver.isolation.standing import Refusal


@dataclass(frozen=True, slots=True)
class Calls:
    """What admission calls.

    Attributes:
        start: begins an attempt; it calls `finished` when that has ended.
        divert: sends a delivery to a tier instead.
        insists: whether a delivery has waited for so long that no open circuit keeps it.
        defect: hears what our own code has raised; settles the delivery that it stopped, if any.
    """

    start: Callable[[Flight], None]
    divert: Callable[[Delivery, Refusal], None]
    insists: Callable[[Delivery], bool]
    defect: Callable[[Delivery | None, Exception], None]
