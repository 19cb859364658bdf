"""Silence of the brokers: for how long none has answered although a write waits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

STALLED_AFTER_S: Final = 1.0
"""About the time after which other brokers lead the partitions of a lost one."""
TRY_EVERY_S: Final = 10.0
"""Interval between trials during a stall, each of a second: perhaps only one partition is
silent."""


class Silence:
    """Measures the brokers' silence.

    Args:
        monotonic: monotonic seconds.

    Attributes:
        answers: answers so far, as the settler counts them.
    """

    __slots__ = ("_answered_at", "_at_rest", "_monotonic", "_seen", "answers")

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._answered_at = monotonic()
        self._at_rest = False
        self._seen = 0
        self.answers = 0

    @property
    def seconds(self) -> float:
        """Seconds for which no broker has answered although a write waits."""
        return 0.0 if self._at_rest else self._monotonic() - self._answered_at

    @property
    def is_stall(self) -> bool:
        """Whether it lasts so long that outcomes can't be written, and no trial is under way."""
        return self.seconds % TRY_EVERY_S > STALLED_AFTER_S

    def look(self, *, waits: bool) -> None:
        """End the silence if a broker has answered since the last look, or no write waits."""
        if self.answers != self._seen or not waits:
            self._seen, self._answered_at = self.answers, self._monotonic()

    def rest(self) -> None:
        """Note that no write waits, until `wake`."""
        self._at_rest = True

    def wake(self) -> None:
        """Note that a write waits from now on."""
        self._at_rest, self._answered_at = False, self._monotonic()
