"""Pulse of the event loop: its lateness, by which endpoints seem slower."""

from __future__ import annotations

from typing import Final

WEIGHT: Final = 0.2
"""Of the latest round in the average."""
ROUNDS: Final = 4.0
"""Measured rounds that an answer may wait for the loop. A measurement covers half a round on
average: so this is two whole rounds, one to send and one to read."""
LATENESS: Final = 4.0
"""Times that the loop's lateness adds to an attempt: connect, write, first byte, body."""


class Pulse:
    """Load of the event loop; shared by the lanes of a worker.

    Attributes:
        late_s: lateness of the latest ticks; set by the worker.
        round_s: time that a callback waits in the event loop.
    """

    __slots__ = ("late_s", "round_s")

    def __init__(self) -> None:
        self.late_s = 0.0
        self.round_s = 0.0

    def turned(self, waited_s: float) -> None:
        """Note the time that a callback waited in the event loop."""
        self.round_s += (waited_s - self.round_s) * WEIGHT
