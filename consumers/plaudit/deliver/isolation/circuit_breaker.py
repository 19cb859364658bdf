"""Circuit breaker: pure, the caller passes the time.

```
CLOSED ── failures in a row ──▶ OPEN ── its time is over ──▶ HALF_OPEN ── recoveries ──▶ CLOSED
                                 ▲                               │
                                 └─────────── a failure ─────────┘  for longer, bounded
```

Half-open lets one probe through at a time. A permit carries the generation that it was given in:
an attempt that began before the state changed says nothing about now, and is ignored.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from typing import Final


@dataclass(frozen=True, slots=True)
class BreakerLimits:
    """When a breaker opens, and for how long.

    Attributes:
        failures: in a row, without a success between them, that open it.
        recoveries: probes in a row that must succeed to close it.
        first_s: how long it stays open the first time.
        most_s: how long at most, however often it has opened in a row.
        share: how long it stays open again, as a part of the time since it opened first; 0: twice
            as long as before.
    """

    failures: int
    recoveries: int
    first_s: float
    most_s: float
    share: float = 0.0


class State(Enum):
    """What a breaker lets through: everything, nothing, or a probe at a time."""

    CLOSED = auto()
    OPEN = auto()
    HALF_OPEN = auto()


CLOSED: Final = State.CLOSED
"""For the hot path: reading a member of an enumeration costs more than all else here."""


class Breaker:
    """Stops attempts after repeated failures, and probes for recovery.

    Attributes:
        state: now; open turns half-open with the first permit after its time.
        open_s: how long it stays open this time, or stayed open the last time.
    """

    __slots__ = (
        "_closed_at_s",
        "_down_since_s",
        "_generation",
        "_in_a_row",
        "_limits",
        "_probing",
        "_until_s",
        "open_s",
        "state",
    )

    def __init__(self, limits: BreakerLimits) -> None:
        self.state = CLOSED
        self._limits = limits
        self._generation = 0
        self._in_a_row = 0
        self.open_s = 0.0
        self._until_s = 0.0
        self._closed_at_s = 0.0
        self._down_since_s = 0.0
        self._probing = False

    def refuses(self, now_s: float) -> bool:
        """Return whether `permit` would give none; changes nothing."""
        if self.state is CLOSED:
            return False
        return self._probing if self.state is State.HALF_OPEN else now_s < self._until_s

    def permit(self, now_s: float) -> int | None:
        """Return a permit for one attempt, to be given back by `report`; None when it must not."""
        if self.state is CLOSED:
            return self._generation
        if self.refuses(now_s):
            return None
        if self.state is State.OPEN:
            self._turn(State.HALF_OPEN)
        self._probing = True
        return self._generation

    def report(self, permit: int, success: bool | None, now_s: float) -> None:  # noqa: FBT001 - an outcome with three values
        """Take what came of an attempt; None: it says nothing about the other side."""
        if permit != self._generation:
            return
        self._probing = False
        if success is None:
            return
        if success and self.state is CLOSED:
            self._in_a_row = 0
        elif success:
            self._succeeded(now_s)
        else:
            self._failed(now_s)

    def trip(self, now_s: float) -> None:
        """Open it, whatever it has counted; one that is open stays open as long as it was."""
        if self.state is not State.OPEN:
            again = self.state is State.HALF_OPEN or now_s < self._closed_at_s + self.open_s
            if not again:
                self._down_since_s = now_s
            longer_s = self._longer_s(now_s) if again else 0.0
            self.open_s = min(max(longer_s, self._limits.first_s), self._limits.most_s)
            self._until_s = now_s + self.open_s
            self._turn(State.OPEN)

    def left_s(self, now_s: float) -> float:
        """Return how long it still stays open; 0 while a probe is under way."""
        return max(0.0, self._until_s - now_s)

    def _longer_s(self, now_s: float) -> float:
        """Return how long it stays open after another failure."""
        share = self._limits.share
        return (now_s - self._down_since_s) * share if share else self.open_s * 2

    @property
    def pristine(self) -> bool:
        """Whether it has the state of a new breaker."""
        return self.state is CLOSED and not self._in_a_row

    def _succeeded(self, now_s: float) -> None:
        self._in_a_row += 1
        if self._in_a_row >= self._limits.recoveries:
            self._closed_at_s = now_s
            self._turn(State.CLOSED)

    def _failed(self, now_s: float) -> None:
        self._in_a_row += 1
        if self.state is State.HALF_OPEN or self._in_a_row >= self._limits.failures:
            self.trip(now_s)

    def _turn(self, state: State) -> None:
        self.state = state
        self._generation += 1
        self._in_a_row = 0
        self._probing = False
