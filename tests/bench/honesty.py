"""Validity rules of a run, pure.

A figure is only as good as the load behind it. A run is void when the load generator fell behind
its schedule, when the sink was the bottleneck, when the counts do not add up, or when others
used the worker's core.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

FEWEST: Final = 100
"""Minimum number of arrivals; with fewer, chance and clock ticks dominate."""
SINK_SATURATED: Final = 0.9
"""Maximum share of a core for the sink; beyond it, the sink is the bottleneck."""
BEHIND_MS: Final = 10.0
"""Maximum delay of the generator at its 99th percentile; beyond it, the run is void."""
MOST_FOREIGN: Final = 0.1
"""Maximum share of the worker's core for other processes."""


@dataclass(frozen=True, slots=True)
class Ledger:
    """Counts of a run's deliveries by their place.

    Attributes:
        published: deliveries of acknowledged events.
        delivered: deliveries that the sink answered with 200.
        dead: records in the dead-letter topics.
        waiting: records that the groups have not finished.
        moved: records ever written to `deliveries.*` by diversions and retries.
        repeated: repeated deliveries at the sink, if it counts them.
    """

    published: int
    delivered: int
    dead: int
    waiting: int
    moved: int = 0
    repeated: int = 0

    @property
    def missing(self) -> int:
        """Missing deliveries; negative if some are in two places."""
        return self.published - self.delivered - self.dead - self.waiting

    def __str__(self) -> str:
        """Return the counts as a sum."""
        return (
            f"published {self.published:,}, found {self.delivered:,} delivered + {self.dead:,} "
            f"dead + {self.waiting:,} waiting"
        )


@dataclass(frozen=True, slots=True)
class Conditions:
    """Conditions of a repetition; None where a rule does not apply.

    Attributes:
        arrived: requests during the measurement.
        sink_share: share of a core that the sink used.
        foreign_share: share of the worker's core that other processes used.
        behind_ms: delay of the load generator at the 99th percentile.
        ledger: counts of deliveries.
        exits: exit codes of the workers.
    """

    arrived: int | None = None
    sink_share: float | None = None
    foreign_share: float | None = None
    behind_ms: float | None = None
    ledger: Ledger | None = None
    exits: tuple[int, ...] = ()


def judge(conditions: Conditions, most_foreign: float = MOST_FOREIGN) -> tuple[str, ...]:
    """Return why the repetition is void; empty if it is valid.

    Args:
        conditions: observed conditions.
        most_foreign: share of the worker's core that others may use.
    """
    reasons = []
    sink, foreign, behind = conditions.sink_share, conditions.foreign_share, conditions.behind_ms
    if conditions.arrived is not None and conditions.arrived < FEWEST:
        reasons.append(f"only {conditions.arrived} arrivals were measured")
    if sink is not None and sink > SINK_SATURATED:
        reasons.append(f"the sink used {sink:.0%} of its core")
    if foreign is not None and foreign > most_foreign:
        reasons.append(f"others used {foreign:.0%} of the worker's core")
    if behind is not None and behind > BEHIND_MS:
        reasons.append(f"the load generator was {behind:.0f} ms behind its schedule")
    if conditions.ledger is not None and conditions.ledger.missing:
        reasons.append(f"the counts do not add up: {conditions.ledger}")
    failed = [code for code in conditions.exits if code]
    if failed:
        reasons.append(f"a worker ended with exit code {failed[0]}")
    return tuple(reasons)
