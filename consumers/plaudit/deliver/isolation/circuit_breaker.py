"""Circuit breaker. Pure: the caller passes the time.

```
CLOSED ── failures in a row ──▶ OPEN ── its time ends ─────▶ HALF_OPEN ── recoveries ──▶ CLOSED
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
        failures: failures in a row that open the breaker.
        recoveries: successful probes in a row that close the breaker.
        first_s: seconds of the first opening.
        most_s: maximum seconds of an opening.
        share: length of a further opening, as a part of the time since the first one; 0: twice the
            previous opening.
    """

    failures: int
    recoveries: int
    first_s: float
    most_s: float
    share: float = 0.0


class State(Enum):
    """State of a breaker: allows every attempt, none, or one probe at a time."""

    CLOSED = auto()
    OPEN = auto()
    HALF_OPEN = auto()


CLOSED: Final = State.CLOSED
"""For the hot path: reading a member of an enumeration is slow."""


class Breaker:
    """Stops attempts after repeated failures, and probes for recovery.

    Attributes:
        state: the current state; open becomes half-open with the first permit after its time.
        open_s: seconds of the current opening, or of the last one.
        failing_since_s: time of the first of the current failures in a row.
        is_own: whether attempts of this worker opened the breaker.
        until_s: end of the current opening, or of the last one.
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
        """Return a permit for one attempt, to be passed to `report`; None if it is refused."""
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

    def open_on_report(self, open_s: float, failing_s: float, now_s: float) -> None:
        """Open a closed breaker because another worker reports failures.

        The breaker then allows one attempt, even if the other worker reports more failures.

        Args:
            open_s: seconds until that attempt.
            failing_s: seconds since the endpoint's first failure.
            now_s: monotonic seconds.
        """
        if self.state is CLOSED:
            self.failing_since_s = self._down_since_s = now_s - failing_s
            self.open_s = open_s
            self.until_s = now_s + open_s
            self.is_own = False
            self._turn(State.OPEN)

    def expire(self, now_s: float) -> None:
        """Allow the next attempt of an open breaker."""
        self.until_s = min(self.until_s, now_s)

    def left_s(self, now_s: float) -> float:
        """Return the seconds until the breaker becomes half-open; 0 during a probe."""
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
