"""Scenes with endpoints that are flooded, limited or unavailable, beside others.

cd tests && python -m lab.neighbors_scenes {slow,slower,limited,unavailable,outage} [--short]
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from lab.neighbors import Change, Play, Stream, play
from lab.receiver_process import Answers
from plaudit.dev.kafka import LocalKafka
from plaudit.kafka.settings import KafkaSettings


def flooded(count: int, takes_s: float, *, alone_s: float, beside_s: float) -> Play:
    """Two fast endpoints, and a slow one that receives many events at once."""
    return Play(
        (
            Stream("small", int(10 * (alone_s + beside_s)), 10),
            Stream("steady", int(30 * (alone_s + beside_s)), 30),
            Stream("flooded", count, begins_s=alone_s),
        ),
        (Change(0, "flooded", Answers(takes_s)),),
        alone_s + beside_s + 120,
    )


def limited(count: int, per_s: float, within_s: float, refusal: int = 429) -> Play:
    """A backlog for an endpoint with a rate limit, beside a fast one."""
    return Play(
        (Stream("steady", int(30 * within_s / 2), 30), Stream("limited", count)),
        (Change(0, "limited", Answers(0.02, per_s=per_s, refusal=refusal)),),
        within_s,
    )


def away(outage_s: float, per_s: float, after_per_s: float, after_s: float) -> Play:
    """An endpoint with an outage, then new events beside its backlog; and a healthy one."""
    whole_s = outage_s + after_s
    return Play(
        (
            Stream("steady", int(30 * whole_s), 30),
            Stream("away", int(per_s * outage_s), per_s),
            Stream("away", int(after_per_s * after_s), after_per_s, begins_s=outage_s),
        ),
        (
            Change(0, "away", Answers(0.02, status=503)),
            Change(outage_s, "away", Answers(0.02)),
        ),
        whole_s + outage_s * 2 + 60,
    )


@dataclass(frozen=True, slots=True)
class Scene:
    """A play, and the times that divide its report."""

    play: Play
    moments: tuple[float, ...]


PLAYS: Final = {
    "slow": Scene(flooded(40_000, 0.1, alone_s=15, beside_s=75), (0, 15, 25, 45, 90)),
    "slower": Scene(flooded(4_000, 0.5, alone_s=15, beside_s=40), (0, 15, 25, 55)),
    "limited": Scene(limited(4_000, 50, 200), (0, 10, 30, 60, 90)),
    "unavailable": Scene(limited(4_000, 50, 200, refusal=503), (0, 10, 30, 60, 90)),
    "outage": Scene(away(83, 600, 150, 60), (0, 83, 85, 88, 98, 143)),
}
SHORT: Final = {
    "slow": Scene(flooded(3_000, 0.1, alone_s=3, beside_s=4), (0, 3, 7)),
    "slower": Scene(flooded(300, 0.5, alone_s=3, beside_s=3), (0, 3, 6)),
    "limited": Scene(limited(150, 50, 20), (0, 5, 10)),
    "unavailable": Scene(limited(150, 50, 20, refusal=503), (0, 5, 10)),
    "outage": Scene(away(3, 100, 50, 4), (0, 3, 5, 7)),
}


def main() -> None:
    """Play once on a separate broker, and print the result."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("play", choices=PLAYS)
    asked.add_argument("--short", action="store_true")
    given = asked.parse_args()
    scene = (SHORT if given.short else PLAYS)[given.play]
    with LocalKafka() as broker, tempfile.TemporaryDirectory() as folder:
        settings = KafkaSettings(bootstrap_servers=broker.bootstrap)
        print(play(settings, Path(folder), scene.play).told(*scene.moments))


if __name__ == "__main__":
    main()
