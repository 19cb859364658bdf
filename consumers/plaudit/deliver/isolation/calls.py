"""Callbacks of admission."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from plaudit.deliver.isolation.endpoint_health import Refusal
from plaudit.deliver.isolation.endpoint_state import InFlight
from plaudit.deliver.model.delivery import Delivery


@dataclass(frozen=True, slots=True)
class Calls:
    """Callbacks of admission.

    Attributes:
        start: begins an attempt; it calls `finished` when that has ended.
        divert: sends a delivery to a tier instead.
        insists: whether a delivery is overdue and must be attempted even though the circuit is
            open.
        defect: receives an exception of our own code; settles the delivery that it stopped, if any.
    """

    start: Callable[[InFlight], None]
    divert: Callable[[Delivery, Refusal], None]
    insists: Callable[[Delivery], bool]
    defect: Callable[[Delivery | None, Exception], None]
