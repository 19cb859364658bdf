"""Isolation scenarios: cost of a hanging or dead endpoint for the others."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from bench.children import Sink
from bench.figures import (
    TIMES,
    Figure,
    Finding,
    Sample,
    figure,
    longest_pause,
    most_diversions,
    ratio,
)
from bench.generator import Schedule, publish_on_schedule
from bench.honesty import BEHIND_MS, Conditions
from bench.installation import Site, mixed
from bench.lab import Lab
from bench.scenarios.throughput import own_origins
from bench.trial import Trial
from plaudit.dev.processes import Workers
from plaudit.kafka.read.compacted import CompactedTopic
from plaudit.kafka.settings import DEFAULT_SCHEDULE, DEFAULT_TIERS, KafkaSettings
from plaudit.records.attempt import Outcome, decode_attempt

HEALTHY: Final = 10
ONE_IN: Final = 100
HANG: Final = "/hangs"
CHART: Final = "1 % of the records hang: seconds until the others are through"
_THROUGH_S: Final = 60.0
TIMEOUT_S: Final = 10
QUICK_TIMEOUT_S: Final = 5
"""A hanging request ends after this, before a stopping worker abandons it."""


def hanging(lab: Lab) -> Finding:
    """The time until the healthy ones are through, with and without an endpoint that hangs."""
    without: list[Sample] = []
    hung: list[Sample] = []
    count = _calibrated(lab)
    for number in range(lab.effort.repetitions):
        lab.tell(f"{count:,} records, {number + 1} of {lab.effort.repetitions}")
        without.append(_through(lab, count, hangs=False))
        lab.tell(f"and 1 % that hang, {number + 1} of {lab.effort.repetitions}")
        hung.append(_through(lab, count, hangs=True))
    return Finding(
        (
            figure("without.seconds", "none hangs: through after", "s", without, "seconds", CHART),
            figure("with.seconds", "1 % hang: the others after", "s", hung, "seconds", CHART),
            ratio(
                "time_vs_without",
                "the others' time, with against without",
                hung,
                without,
                "seconds",
            ),
            ratio("cpu_vs_without", "CPU per request, the same", hung, without, "cpu_us"),
        )
    )


def _calibrated(lab: Lab) -> int:
    """Return how many records take about as long as a repetition may."""
    lab.tell("how many this worker takes")
    with lab.trial(own_origins(HEALTHY)) as trial:
        trial.top_up(lab.effort.events)
        rate = trial.deliver(lab.effort.seconds / 2).values["rate"]
    wanted = min(lab.effort.events, int(rate * lab.effort.seconds))
    return max(ONE_IN, wanted // ONE_IN * ONE_IN)


def _sites(sink: Sink) -> list[Site]:
    return [*own_origins(HEALTHY)(sink), Site(sink.url(HANG, "127.9.9.9"))]


def _timeouts(seconds: int) -> dict[str, str]:
    return {
        "PLAUDIT_FIRST_BYTE_TIMEOUT": str(seconds),
        "PLAUDIT_TOTAL_TIMEOUT": str(seconds + 2),
    }


def _through(lab: Lab, count: int, *, hangs: bool) -> Sample:
    with lab.trial(_sites) as trial:
        *healthy, odd = trial.sites
        trial.sink.hang(HANG)
        if hangs:
            trial.publish(mixed(healthy, odd, ONE_IN), count + count // (ONE_IN - 1))
        else:
            trial.publish(healthy, count)
        before = trial.sink.reading()
        wanted = trial.published - trial.published // ONE_IN if hangs else count
        timeout_s = QUICK_TIMEOUT_S if lab.effort.quick else TIMEOUT_S
        with trial.workers(environment=_timeouts(timeout_s)) as workers:
            trial.first_arrival(before, workers.check)
            begin, began = trial.instant(workers.pids), time.monotonic()
            trial.answered(wanted, _THROUGH_S, workers.check)
            seconds = time.monotonic() - began
            seen = trial.since(begin, workers.pids)
            exits = workers.stop()
        conditions = replace(seen.conditions(), exits=exits, ledger=trial.ledger())
        return trial.sample({**seen.values, "seconds": seconds}, conditions)


@dataclass(frozen=True, slots=True)
class Outage:
    """One of 100 endpoints is dead for a while.

    Attributes:
        rate: events per second, over all endpoints.
        before_s: all are well.
        dead_s: one is not.
    """

    rate: int
    before_s: int
    dead_s: int


FULL: Final = Outage(2_000, 20, 180)
SHORT: Final = Outage(500, 5, 15)
MOST_SLOWER: Final = 8
"""A machine that can't publish this part of the rate is void."""
ENDPOINTS: Final = 100
DEAD: Final = "/1"


@dataclass(slots=True)
class Phase:
    """The latency of the other 99 during a part of the run."""

    schedule: Schedule = field(default_factory=Schedule)
    answered: int = 0
    seconds: float = 0.0
    progress_s: list[float] = field(default_factory=list)

    @property
    def rate(self) -> float:
        """Deliveries per second."""
        return self.answered / max(1e-9, self.seconds)


def dead(lab: Lab) -> Finding:
    """The throughput of 99 endpoints while the hundredth does not answer, at a fixed rate."""
    wanted = SHORT if lab.effort.quick else FULL
    with (
        lab.trial(own_origins(ENDPOINTS), schedule=DEFAULT_SCHEDULE, tiers=DEFAULT_TIERS) as trial,
        trial.workers() as workers,
    ):
        _prime(trial, workers)
        outage, well = _well(lab, trial, workers, wanted)
        trial.sink.hang(DEAD)
        lab.tell(f"one of them dead for {outage.dead_s} s")
        sick = _phase(trial, workers, outage.rate, outage.dead_s)
        exits = workers.stop()
        conditions = Conditions(
            behind_ms=max(well.schedule.behind_ms, sick.schedule.behind_ms),
            exits=exits,
            ledger=trial.ledger(),
        )
        endpoint_id = trial.sites[0].endpoint_id
        values = {
            "well": well.rate,
            "sick": sick.rate,
            "share": sick.rate / max(1e-9, well.rate),
            "pause_s": longest_pause(sick.progress_s),
            "diversions": _diversions(trial.installation.settings, endpoint_id),
        }
        sample = trial.sample(values, conditions)
    tiers_s = [tier.millis / 1_000 for tier in trial.installation.settings.tiers]
    most = most_diversions(tiers_s, outage.dead_s)
    notes = [f"in {outage.dead_s} s a record of the dead endpoint is diverted at most {most} times"]
    if outage.rate < wanted.rate:
        notes.append(f"this machine could not publish {wanted.rate:,}/s, so it was {outage.rate:,}")
    return Finding(tuple(_outage_figures([sample], outage)), tuple(notes))


def _well(lab: Lab, trial: Trial, workers: Workers, wanted: Outage) -> tuple[Outage, Phase]:
    """Let all be well for a while; at a lower rate if this machine can't publish as many."""
    outage = wanted
    while True:
        lab.tell(f"{outage.rate:,}/s to {ENDPOINTS} endpoints, all well")
        before, count = trial.sink.reading(), outage.rate * outage.before_s
        phase = _phase(trial, workers, outage.rate, outage.before_s)
        if phase.schedule.behind_ms <= BEHIND_MS or outage.rate <= wanted.rate // MOST_SLOWER:
            return outage, phase
        trial.arrived(before, count, _THROUGH_S, workers.check)
        outage = replace(outage, rate=outage.rate // 2)


def _prime(trial: Trial, workers: Workers) -> None:
    """Let every endpoint have its first event, and so its connection."""
    before = trial.sink.reading()
    trial.publish(trial.sites, ENDPOINTS)
    trial.first_arrival(before, workers.check)
    trial.arrived(before, ENDPOINTS, _THROUGH_S, workers.check)


def _phase(trial: Trial, workers: Workers, rate: int, seconds: int) -> Phase:
    """Publish at a rate and count what the others answer meanwhile."""
    phase = Phase()
    before, seen = trial.sink.reading(), trial.sink.reading().answered

    def watch() -> None:
        nonlocal seen
        workers.check()
        now = trial.sink.reading()
        if now.answered > seen or not phase.progress_s:
            seen = now.answered
            phase.progress_s.append(now.at_ns / 1e9)

    others = [path for path in trial.sink.paths() if path != DEAD]
    start = trial.sink.paths()
    settings = trial.installation.settings
    phase.schedule = publish_on_schedule(settings, trial.sites, rate, rate * seconds, watch)
    trial.published += rate * seconds
    end, after = trial.sink.paths(), trial.sink.reading()
    phase.answered = sum(end[path] - start[path] for path in others)
    phase.seconds = (after.at_ns - before.at_ns) / 1e9
    phase.progress_s.append(after.at_ns / 1e9)
    return phase


def _diversions(settings: KafkaSettings, endpoint_id: str) -> float:
    """Return how often one record of that endpoint was diverted, the most of all."""
    wanted = endpoint_id.encode()
    diverted: Counter[str] = Counter()

    def take(key: bytes, value: bytes | None) -> None:
        if key == wanted and value is not None:
            attempt = decode_attempt(value)
            if attempt["outcome"] == Outcome.DIVERTED:
                diverted[attempt["delivery_id"]] += 1

    with CompactedTopic(settings, settings.names.attempts, take) as follower:
        follower.wait_ready(_THROUGH_S)
    return max(diverted.values(), default=0)


def _outage_figures(samples: Sequence[Sample], outage: Outage) -> list[Figure]:
    full = outage == FULL
    suffix = "" if full else f"_at_{outage.rate}_for_{outage.dead_s}_s"
    named = (
        ("well", "the others, all well: deliveries", "/s"),
        ("sick", "the others, one dead: deliveries", "/s"),
        ("share", "the others' throughput against all well", TIMES),
        ("pause_s", "longest pause of the others", "s"),
        ("diversions", "diversions of one record, at most", ""),
    )
    return [figure(f"{key}{suffix}", title, unit, samples, key) for key, title, unit in named]
