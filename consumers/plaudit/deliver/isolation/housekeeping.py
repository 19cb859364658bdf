"""What is looked at a few times a second: who hangs, who is usual, who can be forgotten. Pure."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from plaudit.deliver.isolation.slots import Slots
from plaudit.deliver.isolation.standing import SLOW_S

SILENT_S: Final = 1.0
"""An endpoint that has answered nothing for so long is not brisk."""
FRESH_S: Final = 10.0
"""Endpoints that answered within this tell what is usual."""
FORGET_S: Final = 5.0
"""An endpoint with nothing here for so long is forgotten, if nothing is held against it."""
FORGET_TROUBLE_S: Final = 900.0
"""… and after this long in any case: thrice what a circuit stays open at most."""


def quick_quarter_s(everyone: Collection[Slots], now_s: float) -> float:
    """Return what an attempt takes at the slowest of the quickest quarter of endpoints."""
    means = sorted(
        slots.standing.mean_s
        for slots in everyone
        if slots.standing.mean_s is not None
        and not slots.standing.open
        and now_s - slots.answered_s < FRESH_S
    )
    return means[len(means) // 4] if means else 0.0


def is_silent(slots: Slots, now_s: float, slack_s: float) -> bool:
    """Return whether an endpoint gives no answer; one that hangs for longer counts as slow.

    Nobody waits for its time-outs to find out.
    """
    oldest = next(iter(slots.flights))
    if slots.answered_s > oldest.began_s:
        return False
    silent_s = now_s - oldest.began_s - slack_s
    if silent_s > SLOW_S:
        oldest.standing.slow_down(now_s)
    return silent_s > SILENT_S


def may_forget(slots: Slots, now_s: float) -> bool:
    """Return whether nothing is known of an endpoint that must be remembered."""
    idle_s = now_s - slots.answered_s
    if idle_s < FORGET_S or slots.timer is not None:
        return False
    if slots.turns is not None and not slots.turns.idle(now_s):
        return False
    return slots.standing.pristine(now_s) or idle_s > FORGET_TROUBLE_S
