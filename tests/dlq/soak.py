"""A million dead letters: `make soak-dlq`, ARGS="--letters 10000000" for more.

Lists, counts and redrives them on a real broker, kills the job ten times in the middle, and checks
that each letter was sent exactly once and none is left. Prints what it measured; exit 1 when a
letter is missing or doubled.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
import uuid

from dlq.conftest import announce, left, make_topics, seed, sent
from dlq.generate import ENDPOINTS
from dlq.rig import end_of, start, start_command
from plaudit.bulk.collector import spared_collector
from plaudit.bulk.control import Control
from plaudit.dev.kafka import find_kafka
from plaudit.dlq.job.job import Order, redrive
from plaudit.dlq.job.throttle import JobLimits
from plaudit.dlq.letters.filters import FilterOptions, parse
from plaudit.dlq.letters.histogram import Histogram
from plaudit.dlq.letters.letter import Kind
from plaudit.dlq.letters.reader import Letters
from plaudit.kafka.settings import KafkaSettings
from waiting import until


class Stopwatch:
    """Hears how a job goes; knows when it moved what."""

    def __init__(self) -> None:
        self.moves: list[tuple[float, int]] = []

    def began(self, chosen: int) -> None:
        """Begin to measure."""
        del chosen
        self.moves = [(time.monotonic(), 0)]

    def moved(self, count: int) -> None:
        """Take note of a batch."""
        self.moves.append((time.monotonic(), count))

    def paused(self, why: str | None) -> None:
        """Do nothing."""

    @property
    def rate(self) -> float:
        """Letters per second, from the beginning of the moves to their end."""
        return sum(count for _, count in self.moves) / (self.moves[-1][0] - self.moves[0][0])


def main() -> int:
    """Run it; return the exit code."""
    parser = argparse.ArgumentParser(prog="make soak-dlq ARGS=…", description=__doc__)
    parser.add_argument("--letters", type=int, default=1_000_000)
    parser.add_argument("--kills", type=int, default=10)
    given = parser.parse_args()
    with find_kafka(None, announce=say) as kafka:
        settings = KafkaSettings(
            bootstrap_servers=kafka.bootstrap,
            topic_prefix=f"soak-{uuid.uuid4().hex[:6]}.",
            retry_schedule="5s",
        )
        make_topics(settings)
        announce(settings, *ENDPOINTS)
        say(f"writing {given.letters:,} dead letters …")
        seed(settings, given.letters)
        measured = {**scans(settings), **rates(settings), **kills(settings, given.kills)}
        wrong = verify(settings, given.letters)
    print(json.dumps({"letters": given.letters, **measured, "wrong": wrong}, indent=2))
    return 1 if wrong else 0


def scans(settings: KafkaSettings) -> dict[str, float]:
    """Measure choosing and counting, and the memory of a process that counts."""
    say("scanning …")
    gone = parse(FilterOptions(reason=["gone"]), 0)
    with Letters(settings, Kind.DELIVERIES) as letters:
        began = time.monotonic()
        total = sum(1 for each in letters.read() if gone.takes(each) or each.key)
        listed_s, began = time.monotonic() - began, time.monotonic()
        assert histogram(letters).total == total
        counted_s = time.monotonic() - began
    measured = {"listed_per_s": round(total / listed_s), "counted_per_s": round(total / counted_s)}
    counting = start_command(settings, "dlq", "stats", "--json", stdout=subprocess.DEVNULL)
    counting.communicate()
    assert counting.returncode == 0
    peak_kib = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    return {**measured, "stats_peak_mib": round(peak_kib / 1_024)}


def histogram(letters: Letters) -> Histogram:
    """Count every letter."""
    counts = Histogram()
    for letter in letters.read():
        counts.add(letter)
    return counts


@spared_collector()
def rates(settings: KafkaSettings) -> dict[str, float]:
    """Measure how exact rates are, altogether and by endpoint, and how fast it goes without."""
    measured = {}
    for name, limits in (
        ("at_2000_per_s", JobLimits(rate=2_000, most=10_000, lag_cap=0)),
        ("at_100_per_s_to_an_endpoint", JobLimits(endpoint_rate=100, most=10_000, lag_cap=0)),
        ("unthrottled_per_s", JobLimits(most=100_000, lag_cap=0)),
    ):
        say(f"redriving: {name} …")
        watch = Stopwatch()
        used_s = time.process_time()
        report = redrive(settings, Order(limits=limits), Control(watch))
        used_s = time.process_time() - used_s
        assert report.complete, report.stopped
        # The job takes as long as the endpoint with the most letters.
        share = max(report.counts["endpoint"].values()) / report.moved
        measured[name] = round(watch.rate * (share if limits.endpoint_rate else 1), 1)
        if limits.rate is limits.endpoint_rate is None:
            measured["cpu_us_each"] = round(used_s / report.moved * 1e6, 1)
    return measured


def kills(settings: KafkaSettings, count: int) -> dict[str, float]:
    """Kill the job in the middle, again and again; then let it end."""
    for number in range(count):
        say(f"killing the job, {number + 1} of {count} …")
        before = end_of(settings)
        job = start(settings)
        until(lambda: end_of(settings) > before + 5_000 or job.poll() is not None, within_s=600)  # noqa: B023 - called at once
        job.kill()
        job.communicate()
    say("the last run …")
    began = time.monotonic()
    last = start(settings)
    _, said = last.communicate()
    assert last.returncode == 0, said
    return {"kills": count, "last_run_s": round(time.monotonic() - began)}


def verify(settings: KafkaSettings, letters: int) -> list[str]:
    """Return what is wrong with what was sent."""
    say("checking …")
    deliveries, rest = sent(settings), left(settings)
    wrong = []
    if len(deliveries) != letters:
        wrong.append(f"{len(deliveries):,} different letters were sent, not {letters:,}")
    if deliveries.total() != len(deliveries):
        wrong.append(f"{deliveries.total() - len(deliveries):,} were sent twice")
    if rest:
        wrong.append(f"{rest:,} are left behind")
    return wrong


def say(text: str) -> None:
    """Tell how far it is, apart from the data."""
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
