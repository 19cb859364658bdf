"""Validity rules of a run, pure.

A figure is only as good as the load behind it. A run is void when the load generator fell behind
its schedule, when the sink was the bottleneck, when the counts do not add up, or when others
used the worker's core.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

FEWEST: Final = 100
"""With fewer arrivals, chance and the clock's ticks are measured."""
SINK_SATURATED: Final = 0.9
"""Share of a core; a sink that uses more of it sets the pace itself."""
BEHIND_MS: Final = 10.0
"""A generator later than this, at its 99th percentile, measures itself."""
MOST_FOREIGN: Final = 0.1
"""Share of the worker's core that others may use."""


@dataclass(frozen=True, slots=True)
class Ledger:
    """Counts of a run's deliveries by where they are.

    Attributes:
        published: deliveries that the brokers acknowledged the events of.
        delivered: requests that the sink answered with 200, each delivery once.
        dead: records in the dead-letter topics.
        waiting: records that the groups have not finished.
        moved: records that were ever written to `deliveries.*`: diversions and retries.
        repeated: requests that the sink answered with 200 once more, where it counts them.
    """

    published: int
    delivered: int
    dead: int
    waiting: int
    moved: int = 0
    repeated: int = 0

    @property
    def missing(self) -> int:
        """Deliveries that are nowhere; negative when some are in two places."""
        return self.published - self.delivered - self.dead - self.waiting

    def __str__(self) -> str:
        """Tell it as a sum."""
        return (
            f"published {self.published:,}, found {self.delivered:,} delivered + {self.dead:,} "
            f"dead + {self.waiting:,} waiting"
        )


@dataclass(frozen=True, slots=True)
class Conditions:
    """Under which a repetition was taken; None where a rule does not apply.

    Attributes:
        arrived: requests between the two moments that were compared.
        sink_share: of a core, used by the sink.
        foreign_share: of the worker's core, used by others.
        behind_ms: how late the load generator was, at the 99th percentile.
        ledger: where every delivery is.
        exits: what the workers ended with.
    """

    arrived: int | None = None
    sink_share: float | None = None
    foreign_share: float | None = None
    behind_ms: float | None = None
    ledger: Ledger | None = None
    exits: tuple[int, ...] = ()


def judge(conditions: Conditions, most_foreign: float = MOST_FOREIGN) -> tuple[str, ...]:
    """Return why the repetition is void; empty when it counts.

    Args:
        conditions: what was observed.
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
