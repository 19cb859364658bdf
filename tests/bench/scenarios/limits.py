"""Bounds that must hold: rates, memory, connections."""

from __future__ import annotations

import time
from typing import Final

from bench.children import Sink, use
from bench.figures import Finding, figure, most_within
from bench.honesty import Conditions
from bench.installation import Site
from bench.lab import Lab
from bench.machine import descriptors
from bench.scenarios.throughput import own_origins
from bench.trial import Trial
from plaudit.dev.processes import Workers

RATE: Final = 5
WORKERS: Final = 4
SECONDS: Final = 60
QUICK_SECONDS: Final = 10
ORIGINS: Final = 10_000
QUICK_ORIGINS: Final = 1_000
THROUGH_S: Final = 300.0
"""Connections may stay open while deliveries continue, up to this time."""
IDLE_S: Final = 45.0
"""After this an idle connection must be closed."""


def rate_limit(lab: Lab) -> Finding:
    """An endpoint that wants five requests a second gets no more from four workers, nor fewer."""
    seconds = QUICK_SECONDS if lab.effort.quick else SECONDS

    def limited(sink: Sink) -> list[Site]:
        return [Site(sink.url("/limited"), rate_limit=RATE)]

    with lab.trial(limited, workers=WORKERS, record=True) as trial:
        before = trial.sink.reading()
        with trial.workers(WORKERS) as workers:
            # Exact but for the moment of a rebalance: the endpoint's owner must not change now.
            trial.joined(workers)
            trial.publish(trial.sites, RATE * seconds * 2)
            trial.first_arrival(before, workers.check)
            lab.tell(f"{RATE} requests a second from {WORKERS} workers, for {seconds} s")
            _pass(seconds, workers)
            exits = workers.stop()
        times = [arrival.at_ns / 1e9 for arrival in trial.sink.arrivals()]
        values = {
            "arrivals": sum(at < times[0] + seconds for at in times),
            "most": most_within(times, 1.0),
        }
        sample = trial.sample(values, Conditions(exits=exits, ledger=trial.ledger()))
    return Finding(
        (
            figure(
                f"arrivals_in_{seconds}_s", f"arrivals in {seconds} s", "", [sample], "arrivals"
            ),
            figure("most_in_1_s", "most arrivals in any second", "", [sample], "most"),
        ),
        raw={"arrivals_s": [round(at - times[0], 4) for at in times]},
    )


def many(lab: Lab) -> Finding:
    """Thousands of endpoints on an origin each: memory, descriptors, connections."""
    count = QUICK_ORIGINS if lab.effort.quick else ORIGINS
    with lab.trial(own_origins(count)) as trial:
        trial.publish(trial.sites, max(count, min(count * 2, lab.effort.events)))
        with trial.workers() as workers:
            values = _through_all(lab, trial, workers)
            exits = workers.stop()
        sample = trial.sample(values, Conditions(exits=exits, ledger=trial.ledger()))
    titles = (
        ("rate", f"{count:,} origins: deliveries", "/s"),
        (f"reached_of_{count}", "origins that were reached", ""),
        ("memory_mib", "memory of the worker, at most", "MiB"),
        ("descriptors", "file descriptors of the worker, at most", ""),
        ("left", f"connections open {IDLE_S:.0f} s after the last delivery", ""),
    )
    return Finding(tuple(figure(key, title, unit, [sample], key) for key, title, unit in titles))


def _through_all(lab: Lab, trial: Trial, workers: Workers) -> dict[str, float]:
    """Deliver what there is, within a time, and wait until no connection should be left."""
    before = trial.sink.reading()
    trial.first_arrival(before, workers.check)
    began = trial.sink.reading()
    most = 0

    def look() -> None:
        nonlocal most
        workers.check()
        most = max(most, descriptors(workers.pids[0]))

    trial.arrived(before, trial.published, THROUGH_S, look)
    ended = trial.sink.reading()
    deadline = time.monotonic() + IDLE_S
    while (left := trial.sink.reading().connections) and time.monotonic() < deadline:
        lab.tell(f"{left:,} connections are open, {deadline - time.monotonic():.0f} s to close")
        _pass(1, workers)
    seconds = (ended.at_ns - began.at_ns) / 1e9
    return {
        "rate": (ended.arrived - began.arrived) / max(1e-9, seconds),
        f"reached_of_{len(trial.sites)}": float(
            sum(came > 0 for came in trial.sink.paths().values())
        ),
        "memory_mib": use(workers.pids).peak_mib,
        "descriptors": float(most),
        "left": float(left),
    }


def _pass(seconds: float, workers: Workers) -> None:
    """Let time pass, and look after the workers."""
    deadline = time.monotonic() + seconds
    while (left := deadline - time.monotonic()) > 0:
        workers.check()
        time.sleep(min(0.25, left))
