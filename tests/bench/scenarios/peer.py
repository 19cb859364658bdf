"""Draining a backlog beside Confluent's parallel-consumer, which only POSTs."""

from __future__ import annotations

from typing import Final

from bench.figures import Figure, Finding, Sample, figure, ratio
from bench.lab import Lab
from bench.parallel_consumer.command import is_available
from bench.references import Kind
from bench.scenarios.throughput import CPU, PER_SECOND, one_endpoint

PEER: Final[Kind] = "parallel-consumer"
LOOP: Final[Kind] = "aiohttp"
HEATED: Final = 4
"""Times as many events as otherwise: a JVM compiles its code only after some seconds."""


def peer(lab: Lab) -> Finding:
    """One worker, the parallel-consumer with Vert.x, and the aiohttp loop, in turns."""
    if not is_available():
        return Finding((), ("not measured: java, javac and mvn must be on the path",))
    ours: list[Sample] = []
    theirs: dict[Kind, list[Sample]] = {PEER: [], LOOP: []}
    with lab.trial(one_endpoint) as trial:
        for number in range(lab.effort.repetitions):
            trial.top_up(lab.effort.events * HEATED)
            lab.tell(f"plaudit, {number + 1} of {lab.effort.repetitions}")
            ours.append(trial.deliver(lab.effort.seconds))
            for kind, samples in theirs.items():
                lab.tell(f"{kind}, {number + 1} of {lab.effort.repetitions}")
                seconds = lab.effort.seconds * (HEATED if kind == PEER else 1)
                samples.append(trial.compare(kind, seconds, trial.published))
    figures = [*_bars("plaudit", ours), *_bars(PEER, theirs[PEER]), *_bars(LOOP, theirs[LOOP])]
    for kind, samples in theirs.items():
        key, title = f"cpu_vs_{kind}", f"CPU per delivery against {kind}"
        figures.append(ratio(key, title, ours, samples, "cpu_us"))
    return Finding(tuple(figures))


def _bars(who: str, samples: list[Sample]) -> list[Figure]:
    return [
        figure(f"{who}.rate", f"{who}: deliveries", "/s", samples, "rate", PER_SECOND, who),
        figure(f"{who}.cpu_us", f"{who}: CPU", "µs", samples, "cpu_us", CPU, who),
    ]
