"""A day of a platform, from the brokers to the report; `make soak ARGS="--day"`."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final

from lab.day.findings import Findings, judge
from lab.day.installation import KAFKA_DEFAULTS, DayStage, living
from lab.day.plan import plan
from lab.day.report import write
from lab.day.run import DayRun
from lab.day.shape import Size, make
from lab.stage import Place
from plaudit.dev.kafka import LocalKafka
from plaudit.kafka.settings import KafkaSettings

SHOWN_EVERY_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class Result:
    """The evidence of a day.

    Attributes:
        report: text of the report.
        complaints: broken promises; empty if there are none.
    """

    report: str
    findings: Findings
    complaints: tuple[str, ...]
    interrupted: bool


def play_day(size: Size, folder: Path, brokers: int = 3, workers: int = 2) -> Result:
    """Play a day on separate brokers; write `report.txt` and `timeline.svg` into the folder."""
    shape = make(size)
    with LocalKafka(nodes=brokers, overrides=KAFKA_DEFAULTS) as kafka:
        settings = KafkaSettings(bootstrap_servers=kafka.bootstrap)
        began = time.monotonic()
        with DayStage(shape, Place(settings, folder, kafka), workers) as stage:
            _say(f"{size.endpoints:,} endpoints applied in {time.monotonic() - began:.0f} s")
            day = DayRun(stage, plan(shape, brokers), Shown()).play()
    findings = judge(day)
    complaints = (*day.complaints, *findings.complaints())
    return Result(write(day, findings, folder), findings, complaints, day.interrupted)


class Shown:
    """Prints a line every few seconds."""

    def __init__(self) -> None:
        self._at = 0.0

    def __call__(self, run: DayRun) -> None:
        """Print the progress of the day."""
        now = time.monotonic()
        if now - self._at < SHOWN_EVERY_S:
            return
        self._at = now
        stage = run.stage
        due, settled = stage.publishing.due, len(run.settled)
        memory = "/".join(f"{each.last_mib:.0f}" for each in living(stage))
        left_s = max(0.0, stage.shape.size.seconds - run.elapsed_s)
        _say(
            f"{run.elapsed_s:6.0f} s, {run.phase}: {len(stage.publishing.accepted):,} events, "
            f"{due:,} deliveries due, {settled:,} ended, {max(0, due - settled):,} open, "
            f"workers {memory} MiB; about {timedelta(seconds=int(left_s))} to go"
        )


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
