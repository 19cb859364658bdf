"""Kills from a backlog: how much is delivered twice, and how long ago it was delivered."""

from __future__ import annotations

import os
import signal
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from typing import Final

from bench.children import Arrival, Sink
from bench.figures import Figure, Finding, Sample, figure
from bench.honesty import Conditions
from bench.installation import OF_EACH_TOPIC, Site
from bench.lab import Lab
from bench.trial import Trial

WORKERS: Final = 2
KILLS: Final = 5
QUICK_KILLS: Final = 2
RECENT_NS: Final = 50_000_000
"""What was delivered so shortly before a kill may be delivered again."""
ON_THE_WIRE: Final = 64 * WORKERS
"""Requests that an endpoint has open at once, with each worker."""
THROUGH_S: Final = 120.0


def kills(lab: Lab) -> Finding:
    """Two workers on a backlog are killed at once, several times; then the rest is delivered."""
    rounds = QUICK_KILLS if lab.effort.quick else KILLS
    of_each = lab.effort.events // (rounds + 1)
    at_ns: list[int] = []
    with lab.trial(_shared, workers=WORKERS, record=True) as trial:
        trial.publish(trial.sites, of_each * (rounds + 1))
        for number in range(rounds):
            lab.tell(f"kill {number + 1} of {rounds}")
            at_ns.append(_killed(trial, of_each))
        with trial.workers(WORKERS) as workers:
            trial.answered(trial.published, THROUGH_S, workers.check)
            exits = workers.stop()
        conditions = Conditions(exits=exits, ledger=trial.ledger())
        arrivals = trial.sink.arrivals()
    samples = [trial.sample(each, conditions) for each in repetitions(arrivals, at_ns)]
    return Finding(tuple(_figures(samples)))


def _shared(sink: Sink) -> list[Site]:
    """Return an endpoint whose events are of every topic."""
    return [Site(sink.url("/one"), event_types=OF_EACH_TOPIC)]


def _killed(trial: Trial, deliveries: int) -> int:
    """Start workers, kill them at full speed, and return when that was."""
    with trial.workers(WORKERS) as workers:
        trial.joined(workers)
        before = trial.sink.reading()
        trial.arrived(before, deliveries // 2, THROUGH_S, workers.check)
        at_ns = trial.sink.reading().at_ns
        for pid in workers.pids:
            os.kill(pid, signal.SIGKILL)
    return at_ns


def repetitions(arrivals: Sequence[Arrival], kills_ns: Sequence[int]) -> Iterator[dict[str, float]]:
    """Yield for each kill what was delivered again after it, and what may have been.

    Args:
        arrivals: in the order of time.
        kills_ns: when the workers were killed, ascending.
    """
    before: dict[str, int] = {}
    ages: list[list[int]] = [[] for _ in kills_ns]
    times = [each.at_ns for each in arrivals]
    for event_id, _, at_ns in arrivals:
        first_ns = before.get(event_id)
        before[event_id] = at_ns
        if first_ns is None:
            continue
        # The last kill between the two; what the killed workers had sent may arrive just after.
        kill = bisect_left(kills_ns, at_ns) - 1
        ages[max(0, kill)].append(kills_ns[kill] - first_ns)
    for kill_ns, found in zip(kills_ns, ages, strict=True):
        begin = bisect_left(times, kill_ns - RECENT_NS)
        recent = bisect_left(times, kill_ns) - begin
        a_second_before = bisect_left(times, kill_ns - 1_000_000_000)
        yield {
            "rate": bisect_left(times, kill_ns) - a_second_before,
            "repeated": len(found),
            "allowed": recent + ON_THE_WIRE,
            "share": len(found) / (recent + ON_THE_WIRE),
            "oldest_ms": max(found, default=0) / 1e6,
        }


def _figures(samples: Sequence[Sample]) -> list[Figure]:
    titles = (
        ("rate", "deliveries in the second before a kill", "/s"),
        ("repeated", "delivered again after a kill of both workers", ""),
        ("allowed", "on the wire, or delivered in the 50 ms before", ""),
        ("share", "delivered again, against those", "\N{MULTIPLICATION SIGN}"),
        ("oldest_ms", "delivered again: how long before the kill, at most", "ms"),
    )
    return [figure(key, title, unit, samples, key) for key, title, unit in titles]
