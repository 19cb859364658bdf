"""Counters of the hot path.

They are plain integers: `process/metrics.py` turns them into metrics at each scrape.
"""

from __future__ import annotations

import time
from bisect import bisect_left
from collections import Counter

from plaudit.deliver.model.decision import Decision, Diverted
from plaudit.deliver.telemetry.heavy_workspaces import HeavyWorkspaces
from plaudit.records.trace_context import TraceContext
from plaudit.runtime.metrics.deliver import BUCKETS_S


class LaneCounters:
    """Counts of one lane; the event loop's thread writes them, any thread may read them.

    Attributes:
        settled: deliveries by outcome.
        diverted: deliveries that were not attempted, by reason.
        attempts: HTTP attempts by result: the status's class, or the error's code.
        unmatched: events without a matching endpoint.
        undecodable: unreadable records by reason.
        repeated: dropped repetitions in the deliveries lane.
        durations: attempts by bucket of `BUCKETS_S`; the last bucket has those above it.
        duration_sum_s: total duration of all attempts.
        exemplars: the latest traced attempt of each bucket, with its seconds.
        workspaces: the workspaces with the most deliveries.
        late_s: lateness of the latest record of a tier.
    """

    def __init__(self) -> None:
        self.settled: Counter[str] = Counter()
        self.diverted: Counter[str] = Counter()
        self.attempts: Counter[str] = Counter()
        self.undecodable: Counter[str] = Counter()
        self.unmatched = 0
        self.repeated = 0
        self.fanned_out = 0
        self.durations = [0] * (len(BUCKETS_S) + 1)
        self.duration_sum_s = 0.0
        self.exemplars: dict[int, tuple[TraceContext, float]] = {}
        self.late_s = 0.0
        self.workspaces = HeavyWorkspaces(time.monotonic())

    def settle(self, outcome: str, decision: Decision) -> None:
        """Count a settled delivery."""
        self.settled[outcome] += 1
        if isinstance(decision, Diverted):
            self.diverted[decision.reason] += 1

    def attempted(
        self, result: str, total_ms: float | None, trace: TraceContext | None = None
    ) -> None:
        """Count an HTTP attempt, and keep its trace as the exemplar."""
        self.attempts[result] += 1
        seconds = (total_ms or 0.0) / 1_000
        bucket = bisect_left(BUCKETS_S, seconds)
        self.durations[bucket] += 1
        if trace is not None:
            self.exemplars[bucket] = (trace, seconds)
        self.duration_sum_s += seconds
