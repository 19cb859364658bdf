"""Circuit breaker: pure, the caller passes the time.

```
CLOSED ── failures in a row ──▶ OPEN ── its time is over ──▶ HALF_OPEN ── recoveries ──▶ CLOSED
                                 ▲                               │
                                 └─────────── a failure ─────────┘  for longer, bounded
```

A half-open breaker lets one probe through at a time. A permit has the generation of its state: the
outcome of an attempt that began in an earlier state is ignored.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from typing import Final


@dataclass(frozen=True, slots=True)
class BreakerLimits:
    """Thresholds and times of a breaker.

    Attributes:
        failures: in a row that open it.
        recoveries: successful probes in a row that close it.
        first_s: seconds that it stays open the first time.
        most_s: upper bound of that time.
        share: part of the time since the first opening for which it opens again; 0: twice as long
            as before.
    """

    failures: int
    recoveries: int
    first_s: float
    most_s: float
    share: float = 0.0


class State(Enum):
    """State of a breaker: lets through everything, nothing, or a probe at a time."""

    CLOSED = auto()
    OPEN = auto()
    HALF_OPEN = auto()


CLOSED: Final = State.CLOSED
"""For the hot path: reading a member of an enumeration is slow."""


class Breaker:
    """Stops attempts after repeated failures, and probes for recovery.

    Attributes:
        state: present one; open becomes half-open with the first permit after its time.
        open_s: seconds of the present opening, or of the last one.
        failing_since_s: first one of the present failures in a row.
        is_own: whether it was opened by attempts of this worker.
        until_s: end of the present opening, or of the last one.
    """

    __slots__ = (
        "_closed_at_s",
        "_down_since_s",
        "_generation",
        "_in_a_row",
        "_limits",
        "_probing",
        "failing_since_s",
        "is_own",
        "open_s",
        "state",
        "until_s",
    )

    def __init__(self, limits: BreakerLimits) -> None:
        self.state = CLOSED
        self._limits = limits
        self._generation = 0
        self._in_a_row = 0
        self.open_s = 0.0
        self.until_s = 0.0
        self._closed_at_s = 0.0
        self._down_since_s = 0.0
        self._probing = False
        self.failing_since_s = 0.0
        self.is_own = True

    def refuses(self, now_s: float) -> bool:
        """Return whether `permit` would return None, without a change of state."""
        if self.state is CLOSED:
            return False
        return self._probing if self.state is State.HALF_OPEN else now_s < self.until_s

    def permit(self, now_s: float) -> int | None:
        """Return a permit for one attempt, which `report` takes back; None if it is refused."""
        if self.state is CLOSED:
            return self._generation
        if self.refuses(now_s):
            return None
        if self.state is State.OPEN:
            self._turn(State.HALF_OPEN)
        self._probing = True
        return self._generation

    def report(self, permit: int, success: bool | None, now_s: float) -> None:  # noqa: FBT001 - an outcome with three values
        """Note the outcome of an attempt; None: it shows nothing about the endpoint."""
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
        """Open the breaker; an open one keeps its time."""
        if self.state is not State.OPEN:
            again = self.state is State.HALF_OPEN or now_s < self._closed_at_s + self.open_s
            if not again:
                self._down_since_s = now_s
            longer_s = self._longer_s(now_s) if again else 0.0
            self.open_s = min(max(longer_s, self._limits.first_s), self._limits.most_s)
            self.until_s = now_s + self.open_s
            self.is_own = True
            self._turn(State.OPEN)

    def believe(self, open_s: float, failing_s: float, now_s: float) -> None:
        """Open a closed breaker on the word of another worker.

        The breaker then lets one attempt through, whatever the other worker says meanwhile.

        Args:
            open_s: seconds until that attempt.
            failing_s: seconds for which the endpoint has failed.
            now_s: seconds of the usual clock.
        """
        if self.state is CLOSED:
            self.failing_since_s = self._down_since_s = now_s - failing_s
            self.open_s = open_s
            self.until_s = now_s + open_s
            self.is_own = False
            self._turn(State.OPEN)

    def expire(self, now_s: float) -> None:
        """Let the next attempt of an open breaker through."""
        self.until_s = min(self.until_s, now_s)

    def left_s(self, now_s: float) -> float:
        """Return the seconds until it becomes half-open; 0 during a probe."""
        return max(0.0, self.until_s - now_s)

    def _longer_s(self, now_s: float) -> float:
        """Return the seconds of the next opening after another failure."""
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
        if self.state is CLOSED and not self._in_a_row:
            self.failing_since_s = now_s
        self._in_a_row += 1
        if self.state is State.HALF_OPEN or self._in_a_row >= self._limits.failures:
            self.trip(now_s)

    def _turn(self, state: State) -> None:
        self.state = state
        self._generation += 1
        self._in_a_row = 0
        self._probing = False
