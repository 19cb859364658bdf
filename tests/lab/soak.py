"""The long runs: many deliveries under many faults, or a day of a platform; `make soak`.

Under faults (ARGS="--deliveries 200000"): three workers, one of which lives from the first delivery
to the last; of the two others the older one is killed again and again, and a new one joins. Of
three brokers one is killed now and then, one is stopped in order, and once all are away for a
minute.

A day (ARGS="--day --minutes 60"): 200 workspaces with 2,000 endpoints of every behavior, bursts,
two outages of receivers, a restart of each broker in turn, one more worker, and a redrive of dead
letters; every setting at its default.

Prints where it is, and at the end what it showed; leaves a report and a timeline in the folder that
it names. Ctrl-C ends it early, with the report of what was. Exits with 1 when a promise was broken,
with 130 when it was interrupted.
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
from lab.day.play import play_day
from lab.day.shape import Size
from lab.outcome import Outcome
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
    # Few enough in a row that its circuit closes again; otherwise the backlog would only grow.
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
EVENTS_PER_S: Final = 200.0
DAY: Final = Size()


def main() -> int:
    """Run it; return the exit code."""
    given = _parser().parse_args()
    folder = Path(tempfile.mkdtemp(prefix="plaudit-soak-"))
    if given.day:
        rate = given.per_second or DAY.per_s
        size = Size(given.minutes, given.workspaces, given.endpoints, rate, given.burst)
        day = play_day(size, folder, given.brokers, given.workers)
        report, complaints, interrupted = day.report, list(day.complaints), day.interrupted
    else:
        outcome = _kills(given, folder)
        report, complaints = text(outcome), outcome.complaints
        interrupted = outcome.interrupted
    print(report)
    print(f"report, timeline and logs: {folder}")
    if complaints:
        return 1
    return INTERRUPTED if interrupted else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="make soak ARGS=…", description=__doc__)
    parser.add_argument("--deliveries", type=int, default=1_000_000)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--broker-losses", type=int, default=6)
    parser.add_argument("--brokers", type=int, default=3)
    parser.add_argument("--within", type=float, default=6 * 3_600.0, help="seconds")
    parser.add_argument(
        "--per-second",
        type=float,
        default=None,
        help="events (200); of a day: deliveries on average (300)",
    )
    day = parser.add_argument_group("a day of a platform")
    day.add_argument("--day", action="store_true", help="play it instead of the kills")
    day.add_argument("--minutes", type=float, default=DAY.minutes)
    day.add_argument("--workspaces", type=int, default=DAY.workspaces)
    day.add_argument("--endpoints", type=int, default=DAY.endpoints)
    day.add_argument("--burst", type=int, default=DAY.burst, help="deliveries of each burst")
    day.add_argument("--workers", type=int, default=2, help="before the scale-out")
    return parser


def _kills(given: argparse.Namespace, folder: Path) -> Outcome:
    """Play the run with the kills."""
    events = max(1, int(given.deliveries / PER_EVENT))
    scenario = Scenario(
        f"soak: {given.kills} kills, {given.broker_losses} broker losses",
        Traffic(events, given.per_second or EVENTS_PER_S, EVERY_TOPIC),
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
        return play(scenario, Place(settings, folder, kafka), Shown(events))


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
    try:
        sys.exit(main())
    except KeyboardInterrupt:  # before anything was published: there is nothing to report
        sys.exit(INTERRUPTED)
