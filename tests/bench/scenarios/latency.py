"""From the moment an event was due to be published to its arrival, at fixed rates, open loop."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from bench.children import Arrival
from bench.figures import Figure, Finding, Measured, Sample, figure, percentile
from bench.generator import Schedule, publish_on_schedule
from bench.honesty import Conditions
from bench.lab import Lab
from bench.scenarios.throughput import one_endpoint
from bench.trial import Trial
from plaudit.dev.processes import Workers

RATES: Final = ((100, 20.0), (1_000, 10.0), (5_000, 10.0))
"""Events per second, and for how many seconds."""
QUICK_RATES: Final = ((100, 5.0), (1_000, 3.0))
WARM: Final = 300
GRACE_S: Final = 10.0
"""How long the last ones may take."""
CHART: Final = "publish to arrival, ms"
_SHARES: Final = (("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("max", 1.0))


def latency(lab: Lab) -> Finding:
    """One worker that is warm, and one rate after the other."""
    runs: list[AtRate] = []
    with lab.trial(one_endpoint, record=True) as trial, trial.workers() as workers:
        _warm(trial, workers)
        for rate, seconds in QUICK_RATES if lab.effort.quick else RATES:
            lab.tell(f"{rate:,} events/s for {seconds:.0f} s")
            runs.append(at_rate(trial, workers, rate, int(rate * seconds)))
            if runs[-1].missing:
                break
        exits = workers.stop()
        ledger = trial.ledger()
        ended = trial.sample({"missing": ledger.missing}, Conditions(ledger=ledger, exits=exits))
        figures = [
            each for run in runs for each in _figures(run, trial.sample({}, run.conditions), ended)
        ]
    figures.append(figure("missing", "events that are nowhere", "", [ended], "missing"))
    return Finding(
        tuple(figures),
        tuple(_too_much(run) for run in runs if run.missing),
        {f"ms_at_{run.rate}": [round(each, 3) for each in run.late_ms] for run in runs},
    )


@dataclass(frozen=True, slots=True)
class AtRate:
    """The figures of one rate.

    Attributes:
        rate: events per second.
        late_ms: from when each event was due to its arrival, ascending.
        missing: how many had not arrived when waiting ended.
        conditions: under which it was taken.
    """

    rate: int
    late_ms: list[float]
    missing: int
    conditions: Conditions


def at_rate(trial: Trial, workers: Workers, rate: int, count: int) -> AtRate:
    """Publish at a rate and wait for the arrivals.

    What has not arrived counts with the time that it has taken so far: leaving it out would make a
    stall look quick.
    """
    begin = trial.instant(workers.pids)
    settings = trial.installation.settings
    schedule = publish_on_schedule(settings, trial.sites, rate, count, workers.check)
    trial.published += count
    trial.arrived(begin.sink, count, GRACE_S, workers.check)
    seen = trial.since(begin, workers.pids)
    late_ms, missing = since_due(schedule, trial.sink.arrivals(), time.monotonic_ns())
    conditions = replace(seen.conditions(), behind_ms=schedule.behind_ms)
    return AtRate(rate, late_ms, missing, conditions)


def since_due(
    schedule: Schedule, arrivals: Sequence[Arrival], now_ns: int
) -> tuple[list[float], int]:
    """Return each event's milliseconds from when it was due to its first arrival, ascending.

    And how many have not arrived: those count as if they arrived now.
    """
    arrived_ns: dict[str, int] = {}
    for arrival in arrivals:
        arrived_ns.setdefault(arrival.event_id, arrival.at_ns)
    waits = [
        (arrived_ns.get(event_id, now_ns) - due_ns) / 1e6
        for event_id, due_ns in schedule.due_ns.items()
    ]
    return sorted(waits), sum(event_id not in arrived_ns for event_id in schedule.due_ns)


def _warm(trial: Trial, workers: Workers) -> None:
    before = trial.sink.reading()
    trial.publish(trial.sites, WARM)
    trial.first_arrival(before, workers.check)
    trial.arrived(before, WARM, GRACE_S, workers.check)
    time.sleep(1.0)  # what starting left to do is done: commits, connections


def _figures(run: AtRate, sample: Sample, ended: Sample) -> list[Figure]:
    rate, void = run.rate, (*sample.void, *ended.void)
    return [
        Figure(
            f"{name}_ms_at_{rate}",
            f"{rate:,}/s: {name}",
            "ms",
            (Measured(percentile(run.late_ms, share), void),),
            CHART if name in {"p50", "p99"} else "",
            f"{name} at {rate:,}/s",
        )
        for name, share in _SHARES
    ]


def _too_much(run: AtRate) -> str:
    return (
        f"{run.rate:,}/s is more than this worker delivers: {run.missing:,} had not arrived "
        f"{GRACE_S:.0f} s after the last was due; the percentiles are lower bounds, and higher "
        "rates were left out"
    )
