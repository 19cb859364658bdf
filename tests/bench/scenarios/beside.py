"""Healthy deliveries beside many of another tenant's that hang, drip, are not read or are reset.

A worker also works for the neighbor: it reads its events, makes its attempts and writes its
retries. That is measured in a run of the neighbor's events alone, for the same time, and taken off:
what is left is what the healthy deliveries themselves cost beside it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from bench.children import Sink
from bench.figures import Figure, Finding, Sample, figure, ratio
from bench.installation import Site
from bench.lab import Lab
from bench.scenarios.throughput import own_origins
from bench.sink import DEAF, DRIPS, HANGS, RESETS
from bench.trial import Trial
from plaudit.dev.processes import Workers

HEALTHY: Final = 10
OF_EACH: Final = 1_000
QUICK_OF_EACH: Final = 100
ODD: Final = "/odd"
_THROUGH_S: Final = 120.0


@dataclass(frozen=True, slots=True)
class Neighbor:
    """A tenant with one endpoint that does not answer as it should.

    Attributes:
        key: of its figures.
        title: for people.
        manner: see `Sink.delay`.
        of_ten: its events for every ten healthy ones.
    """

    key: str
    title: str
    manner: float
    of_ten: float


NEIGHBORS: Final = (
    Neighbor("1500_hang", "1,500 that hang", HANGS, 1.5),
    Neighbor("15000_hang", "15,000 that hang", HANGS, 15),
    Neighbor("1500_drip", "1,500 answered with a byte a second", DRIPS, 1.5),
    Neighbor("1500_deaf", "1,500 that are not read", DEAF, 1.5),
    Neighbor("1500_reset", "1,500 that are reset", RESETS, 1.5),
)


def beside(lab: Lab) -> Finding:
    """The time of 10,000 healthy deliveries beside each neighbor, in turns with none."""
    figures: list[Figure] = []
    for neighbor in NEIGHBORS:
        alone: list[Sample] = []
        along: list[Sample] = []
        own: list[Sample] = []
        for number in range(lab.effort.repetitions):
            lab.tell(f"beside {neighbor.title}, {number + 1} of {lab.effort.repetitions}")
            alone.append(_through(lab, replace(neighbor, of_ten=0)))
            along.append(_through(lab, neighbor))
            only = _neighbor_only(lab, neighbor, along[-1].values["seconds"])
            own.append(_without(along[-1], only))
        name = f"beside {neighbor.title}"
        figures += [
            figure(f"{neighbor.key}.seconds", f"{name}: through after", "s", along, "seconds"),
            ratio(f"{neighbor.key}.time", f"{name}: time against none", along, alone, "seconds"),
            ratio(f"{neighbor.key}.own_time", f"{name}: own time", own, alone, "seconds"),
            ratio(f"{neighbor.key}.cpu", f"{name}: CPU against none", along, alone, "cpu_s"),
            ratio(f"{neighbor.key}.own_cpu", f"{name}: own CPU", own, alone, "cpu_s"),
        ]
    return Finding(tuple(figures))


def _without(along: Sample, only: Sample) -> Sample:
    """Return what is left of a run without the neighbor's work, which the worker's core did."""
    spent = only.values["cpu_s"]
    values = {name: along.values[name] - spent for name in ("seconds", "cpu_s")}
    return Sample(values, (*along.void, *only.void))


def _sites(sink: Sink) -> list[Site]:
    return [*own_origins(HEALTHY)(sink), Site(sink.url(ODD, "127.9.9.9"))]


def _turns(sites: Sequence[Site], of_ten: float) -> list[Site]:
    """Return the order of publishing: twenty healthy ones, and those of the neighbor among them."""
    *healthy, odd = sites
    turns = [*healthy, *healthy]
    count = int(2 * of_ten)
    for number in range(count):
        turns.insert(number * (len(turns) + 1) // count, odd)
    return turns


def _through(lab: Lab, neighbor: Neighbor) -> Sample:
    """Deliver all healthy ones, beside the neighbor's."""
    of_each = QUICK_OF_EACH if lab.effort.quick else OF_EACH
    with lab.trial(_sites) as trial:
        trial.sink.delay(ODD, neighbor.manner)
        turns = _turns(trial.sites, neighbor.of_ten)
        trial.publish(turns, of_each * len(turns) // 2)
        healthy = of_each * HEALTHY

        def through(workers: Workers) -> None:
            trial.answered(healthy, _THROUGH_S, workers.check)

        return _measured(trial, through)


def _neighbor_only(lab: Lab, neighbor: Neighbor, seconds: float) -> Sample:
    """Work on the neighbor's events alone for some time; ten healthy ones show the beginning."""
    of_each = QUICK_OF_EACH if lab.effort.quick else OF_EACH
    with lab.trial(_sites) as trial:
        trial.sink.delay(ODD, neighbor.manner)
        *healthy, odd = trial.sites
        trial.publish(healthy, HEALTHY)
        trial.publish([odd], int(of_each * neighbor.of_ten))
        return _measured(trial, lambda _: time.sleep(seconds), arrives=False)


def _measured(trial: Trial, work: Callable[[Workers], object], *, arrives: bool = True) -> Sample:
    """Measure a worker from the first arrival until some work is done."""
    before = trial.sink.reading()
    with trial.workers() as workers:
        trial.first_arrival(before, workers.check)
        begin, began = trial.instant(workers.pids), time.monotonic()
        work(workers)
        seconds = time.monotonic() - began
        seen, end = trial.since(begin, workers.pids), trial.instant(workers.pids)
        exits = workers.stop()
    values = {"seconds": seconds, "cpu_s": end.use.cpu_s - begin.use.cpu_s}
    conditions = replace(seen.conditions(), exits=exits, ledger=trial.ledger())
    if not arrives:
        conditions = replace(conditions, arrived=None)
    return trial.sample(values, conditions)
