"""The long run: many deliveries under many faults; `make soak`, ARGS="--deliveries 200000".

Three workers, one of which lives from the first delivery to the last; of the two others the older
one is killed again and again, and a new one joins. Of three brokers one is killed now and then, one
is stopped in order, and once all are away for a minute. Prints where it is, and at the end what it
cost; leaves a report and a timeline in the folder that it names. Ctrl-C ends it early, with the
report of what was. Exits with 1 when a promise was broken, with 130 when it was interrupted.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from datetime import timedelta
from itertools import cycle
from pathlib import Path
from typing import Final

from conftest import apply_topics
from lab.conftest import LEADERS_MOVE_BACK
from lab.report import text
from lab.running import play
from lab.scenario import (
    EVERY_TOPIC,
    FOREVER,
    UNCOUNTED,
    Behavior,
    Crew,
    Delivered,
    Fault,
    Join,
    Kill,
    KillBroker,
    Later,
    Scenario,
    StartBrokers,
    Step,
    StopBroker,
    Subscriber,
    Traffic,
)
from lab.stage import Place, Stage
from plaudit.dev.kafka import LocalKafka
from plaudit.kafka.settings import KafkaSettings

DEAD_TYPE: Final = EVERY_TOPIC[-1]
SUBSCRIBERS: Final = (
    Subscriber("good"),
    Subscriber("slow", Behavior(after_s=0.1)),
    # Not so many in a row that its circuit opens for good: what waits would only grow.
    Subscriber("flaky", Behavior(fails=1, one_in=5)),
    Subscriber("dead", Behavior(fails=FOREVER), types=(DEAD_TYPE,)),
)
DELIVERING: Final = 3
"""Of these; each event is answered with 2xx so often."""
PER_EVENT: Final = DELIVERING + 1 / len(EVERY_TOPIC)
"""Deliveries: the dead one gets one type in turn."""
CREW: Final = (Crew(), Crew(), Crew())
SHOWN_EVERY_S: Final = 5.0
INTERRUPTED: Final = 130
ONE_AWAY_S: Final = 10.0
ALL_AWAY_S: Final = 60.0


def main() -> int:
    """Run it; return the exit code."""
    parser = argparse.ArgumentParser(prog="make soak ARGS=…", description=__doc__)
    parser.add_argument("--deliveries", type=int, default=1_000_000)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--broker-losses", type=int, default=6)
    parser.add_argument("--brokers", type=int, default=3)
    parser.add_argument("--per-second", type=float, default=200.0, help="events")
    parser.add_argument("--within", type=float, default=6 * 3_600.0, help="seconds")
    given = parser.parse_args()
    events = max(1, int(given.deliveries / PER_EVENT))
    folder = Path(tempfile.mkdtemp(prefix="plaudit-soak-"))
    scenario = Scenario(
        f"soak: {given.kills} kills, {given.broker_losses} broker losses",
        Traffic(events, given.per_second, EVERY_TOPIC),
        SUBSCRIBERS,
        CREW,
        steps(given.kills, given.broker_losses, given.brokers, events * DELIVERING),
        within_s=given.within,
        repetitions=UNCOUNTED,
    )
    with LocalKafka(nodes=given.brokers, overrides=LEADERS_MOVE_BACK) as kafka:
        settings = KafkaSettings(
            bootstrap_servers=kafka.bootstrap, topic_prefix="soak.", retry_schedule="1s,2s"
        )
        apply_topics(settings, single_node=given.brokers == 1)
        outcome = play(scenario, Place(settings, folder, kafka), Shown(events))
    print(text(outcome))
    print(f"report, timeline and logs: {folder}")
    if outcome.complaints:
        return 1
    return INTERRUPTED if outcome.interrupted else 0


def steps(kills: int, losses: int, brokers: int, deliveries: int) -> tuple[Step, ...]:
    """Return the faults, spread evenly over the run: a loss of brokers after every few kills."""
    every = max(1, kills // losses) if losses else kills + 1
    faults = cycle(_losses(brokers))
    found: list[Step] = []
    lost = 0
    for number in range(kills):
        found.append((Delivered((number + 1) * deliveries // (kills + 2)), Kill(number + 1)))
        found.append((Delivered(0), Join()))
        if number % every == every // 2 and lost < losses:
            fault, away_s = next(faults)
            found += [(Later(10), fault), (Later(away_s), StartBrokers())]
            lost += 1
    return tuple(found)


def _losses(brokers: int) -> list[tuple[Fault, float]]:
    """Return in what ways brokers are lost, and for how long."""
    everything = (KillBroker(), ALL_AWAY_S)
    if brokers == 1:
        return [(KillBroker(), ONE_AWAY_S), (StopBroker(1), ONE_AWAY_S), everything]
    return [(KillBroker(1), ONE_AWAY_S), (StopBroker(2), ONE_AWAY_S), everything]


class Shown:
    """Prints a line now and then.

    Args:
        events: that are to be published.
    """

    def __init__(self, events: int) -> None:
        self._events = events
        self._at = 0.0

    def __call__(self, stage: Stage) -> None:
        """Say how far it is."""
        if time.monotonic() - self._at < SHOWN_EVERY_S:
            return
        self._at = time.monotonic()
        accepted, ran_s = len(stage.publishing.accepted), self._at - stage.began
        left = "the rest"  # what is open, and faults that have not happened yet
        if 0 < accepted < self._events:
            seconds = int(ran_s * (self._events - accepted) / accepted)
            left = f"about {timedelta(seconds=seconds)}"
        print(
            f"{ran_s:6.0f} s {min(1.0, accepted / self._events):4.0%}: {accepted:,} accepted, "
            f"{stage.subscribers.file.taken:,} delivered, {len(stage.letters.letters):,} dead, "
            f"{len(stage.kills)} kills; {left} to go",
            file=sys.stderr,
            flush=True,
        )


if __name__ == "__main__":
    sys.exit(main())
