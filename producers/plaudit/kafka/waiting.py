"""Polling until a deadline."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final, TypeVar

Answer = TypeVar("Answer")

LOOK_EVERY_S: Final = 0.05


def ask_until(
    ask: Callable[[], Answer],
    timeout_s: float,
    *,
    every_s: float = LOOK_EVERY_S,
    enough: Callable[[Answer], object] = bool,
) -> Answer:
    """Call a function until its answer is enough or the time is up; return the last answer.

    It calls at least once, and once more at the deadline, which cuts a pause short.

    Args:
        ask: function to call.
        timeout_s: seconds until the deadline.
        every_s: seconds between two calls.
        enough: condition to stop; by default, any true answer is enough.
    """
    deadline = time.monotonic() + timeout_s
    while not enough(answer := ask()):
        left_s = deadline - time.monotonic()
        if left_s <= 0:
            break
        time.sleep(min(every_s, left_s))
    return answer
