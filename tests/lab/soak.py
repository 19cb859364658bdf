"""The long run: many deliveries under many kills; `make soak`, ARGS="--deliveries 200000".

Prints where it is, and at the end what it cost. Exits with 1 when a promise was broken.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path

from conftest import apply_topics
from lab.running import Outcome, play
from lab.scenario import (
    FOREVER,
    Behavior,
    Delivered,
    Join,
    Kill,
    Scenario,
    Step,
    Subscriber,
    Traffic,
)
from lab.stage import Place, Stage
from plaudit.dev.kafka import LocalKafka
from plaudit.kafka.settings import KafkaSettings

SUBSCRIBERS = (
    Subscriber("good"),
    Subscriber("better"),
    Subscriber("flaky", Behavior(fails=1)),
    Subscriber("dead", Behavior(fails=FOREVER)),
)
DELIVERING = 3  # of these; each event is answered with 2xx so often
SHOWN_EVERY_S = 5.0


def main() -> int:
    """Run it; return the exit code."""
    parser = argparse.ArgumentParser(prog="make soak ARGS=…", description=__doc__)
    parser.add_argument("--deliveries", type=int, default=1_000_000)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--per-second", type=float, default=200.0, help="events")
    parser.add_argument("--within", type=float, default=6 * 3_600.0, help="seconds")
    given = parser.parse_args()
    with LocalKafka() as kafka, tempfile.TemporaryDirectory() as folder:
        settings = KafkaSettings(
            bootstrap_servers=kafka.bootstrap, topic_prefix="soak.", retry_schedule="1s,2s"
        )
        apply_topics(settings)
        traffic = Traffic(max(1, given.deliveries // len(SUBSCRIBERS)), given.per_second)
        scenario = Scenario(
            "soak",
            traffic,
            SUBSCRIBERS,
            steps=steps(given.kills, traffic.events * DELIVERING),
            within_s=given.within,
            sessions_may_end=True,
        )
        outcome = play(scenario, Place(settings, Path(folder), kafka), Shown())
    print(report(outcome))
    return 1 if outcome.complaints else 0


def steps(kills: int, deliveries: int) -> tuple[Step, ...]:
    """Return kills spread over the run: the older of two workers dies, and a new one joins."""
    found: list[Step] = []
    for number in range(kills):
        found.append((Delivered((number + 1) * deliveries // (kills + 2)), Kill(number)))
        found.append((Delivered(0), Join()))
    return tuple(found)


class Shown:
    """Prints a line now and then."""

    def __init__(self) -> None:
        self._at = 0.0

    def __call__(self, stage: Stage) -> None:
        """Say how far it is."""
        if time.monotonic() - self._at < SHOWN_EVERY_S:
            return
        self._at = time.monotonic()
        print(
            f"{self._at - stage.began:6.0f} s: {len(stage.publishing.accepted):,} accepted, "
            f"{stage.subscribers.file.taken:,} delivered, {len(stage.letters.letters):,} dead, "
            f"{len(stage.kills)} kills",
            file=sys.stderr,
            flush=True,
        )


def report(outcome: Outcome) -> str:
    """Return what the run showed, for people."""
    ledger = outcome.ledger
    recovered = [each.all_s for each in ledger.kills if each.all_s is not None]
    lines = [
        f"events accepted       {ledger.accepted:,}",
        f"deliveries due        {ledger.due:,}",
        f"delivered, dead       {ledger.delivered:,}, {ledger.buried:,}",
        f"lost                  {len(ledger.lost)}",
        f"doubled               {ledger.doubled:,} ({len(ledger.unexplained)} at survivors)",
        f"kills                 {len(ledger.kills)}",
    ]
    lines += [
        f"  kill of {each.worker}: {each.doubled} doubled of {each.uncommitted} not committed"
        for each in ledger.kills
    ]
    if recovered:
        middle, most = statistics.median(recovered), max(recovered)
        lines.append(f"recovery              p50 {middle:.1f} s, max {most:.1f} s")
    lines += [
        f"memory of worker {each.number}  {each.first_mib:.0f} to {each.last_mib:.0f} MiB"
        for each in outcome.workers
        if not each.ended
    ]
    return "\n".join([*lines, *outcome.complaints])


if __name__ == "__main__":
    sys.exit(main())
