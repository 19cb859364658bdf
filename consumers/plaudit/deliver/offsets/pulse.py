"""How busy the event loop is: what endpoints seem to take longer because the worker is late."""

from __future__ import annotations

from typing import Final

WEIGHT: Final = 0.2
"""Of the latest round in the average."""
ROUNDS: Final = 4.0
"""How many measured rounds an answer may wait for the loop. One is measured from a moment within a
round to its end, which is half of it: so this is two whole rounds, one to send and one to read."""
LATENESS: Final = 4.0
"""How often the loop's lateness goes into an attempt: connect, write, first byte, body."""


class Pulse:
    """The event loop's rounds; shared by the lanes of a worker.

    Attributes:
        late_s: how late the loop ran at its latest ticks; set by the worker.
        round_s: how long a callback waits for its turn at the moment.
    """

    __slots__ = ("late_s", "round_s")

    def __init__(self) -> None:
        self.late_s = 0.0
        self.round_s = 0.0

    def turned(self, waited_s: float) -> None:
        """Take note of how long a callback waited for its turn."""
        self.round_s += (waited_s - self.round_s) * WEIGHT
