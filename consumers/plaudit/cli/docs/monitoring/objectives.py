"""Objectives of the service, and alerts on the rate at which an error budget burns.

An objective of 99 % leaves a budget of 1 %. A burn rate of 1 uses it up in 30 days. A burn rate of
14.4 uses 2 % of it in one hour, 6 uses 5 % in six hours, 1 uses 10 % in three days. The second,
shorter window ends the alert soon after the cause has ended.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

from plaudit.cli.docs.monitoring.alert import Alert, RecordedSeries, Urgency

LATE_OVER_S: Final = 5
"""A lane is late when it begins deliveries more than this many seconds after they were due."""


class Burn(NamedTuple):
    """A burn rate that raises an alert when both windows exceed it."""

    suffix: str
    rate: float
    windows: tuple[str, str]
    severity: Urgency


BURNS: Final = (
    Burn("BurnsFast", 14.4, ("1h", "5m"), Urgency.PAGE),
    Burn("Burns", 6, ("6h", "30m"), Urgency.PAGE),
    Burn("BurnsSlowly", 1, ("3d", "6h"), Urgency.TICKET),
)


@dataclass(frozen=True, slots=True)
class Objective:
    """A share of time or of attempts that may fail.

    Attributes:
        alert: beginning of the alerts' names.
        series: recorded series of the failing part, without its window.
        query: PromQL of that part; `{window}` stands for the window.
        budget: the part that is allowed.
        summary: summary in the alerts.
        section: section of the runbook.
    """

    alert: str
    series: str
    query: str
    budget: float
    summary: str
    section: str

    @property
    def recorded(self) -> Iterator[RecordedSeries]:
        """Series of the failing part for each window."""
        windows = dict.fromkeys(window for burn in BURNS for window in burn.windows)
        for window in windows:
            yield RecordedSeries(f"{self.series}{window}", self.query.format(window=window))

    @property
    def alerts(self) -> Iterator[Alert]:
        """An alert for each burn rate."""
        for burn in BURNS:
            most = f"{burn.rate:g} * {self.budget:g}"
            long, short = (f"{self.series}{window} > {most}" for window in burn.windows)
            yield Alert(
                f"{self.alert}{burn.suffix}",
                burn.severity,
                f"{long} and {short}",
                "",
                f"{self.summary} in the last {burn.windows[0]}",
                self.section,
            )


LATE: Final = RecordedSeries(
    "plaudit:lane_late:bool", f"max by (lane) (plaudit_late_seconds) > bool {LATE_OVER_S}"
)
DELIVERED: Final = Objective(
    alert="PlauditDeliverySuccess",
    series="plaudit:attempts_failed:ratio_rate",
    query='sum(rate(plaudit_attempts_total{{result!="2xx"}}[{window}])) '
    "/ sum(rate(plaudit_attempts_total[{window}]))",
    budget=0.05,
    summary="{{ $value | humanizePercentage }} of attempts failed",
    section="Deliveries fail",
)
ON_TIME: Final = Objective(
    alert="PlauditLateness",
    series="plaudit:lane_late:ratio",
    query=f"avg_over_time({LATE.name}[{{window}}])",
    budget=0.01,
    summary="lane {{ $labels.lane }} was late for {{ $value | humanizePercentage }} of the time",
    section="Lane late",
)
OBJECTIVES: Final = (DELIVERED, ON_TIME)
