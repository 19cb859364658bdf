"""An answer that is asked for at most once in some seconds, and shared by all threads."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import Final

FRESH_S: Final = 1.0
"""Probes come every few seconds from everywhere, and each question costs the brokers a request."""

Problems = Sequence[str]


class FreshProblems:
    """Problems of a process, as of a second ago at most; for any thread.

    Args:
        ask: looks for problems.
        clock: monotonic clock in seconds.
    """

    def __init__(
        self, ask: Callable[[], Problems], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._ask = ask
        self._clock = clock
        self._lock = threading.Lock()
        self._found: Problems = ()
        self._until_s: float | None = None

    def find(self) -> list[str]:
        """Return the problems; empty if there are none."""
        with self._lock:
            if self._until_s is None or self._clock() >= self._until_s:
                self._found = self._ask()
                self._until_s = self._clock() + FRESH_S
            return list(self._found)
