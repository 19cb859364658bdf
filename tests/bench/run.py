"""`plaudit bench`: one run, from finding Kafka to the verdicts."""

from __future__ import annotations

import signal
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Final

from bench.lab import Effort, Lab
from bench.machine import allot, available_cores, describe, pinned
from bench.progress import Told
from bench.report import Report
from bench.scenarios.registry import SCENARIOS
from plaudit.dev.kafka import find_kafka
from plaudit.kafka.settings import KafkaSettings

VOID: Final = 3
"""Exit code of a run with a void figure."""
_MOST: Final = 1024 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Request:
    """The scenarios to run.

    Attributes:
        scenarios: names, in order.
        effort: size of the run.
        bootstrap: an existing cluster; None: find or start one.
        command: command line, for the report.
        logs: folder for the logs of workers and references; None: do not keep them.
    """

    scenarios: Sequence[str]
    effort: Effort
    bootstrap: str | None
    command: str
    logs: Path | None = None


class ScenarioUnknown(ValueError):
    """The scenario does not exist."""

    def __init__(self, name: str) -> None:
        super().__init__(f"no scenario {name!r}; there are {', '.join(SCENARIOS)}")


def chosen(names: Sequence[str], *, quick: bool) -> list[str]:
    """Return the scenarios to run: the named ones, or all, or those of a quick run.

    Raises:
        ScenarioUnknown: a scenario does not exist.
    """
    for name in names:
        if name not in SCENARIOS:
            raise ScenarioUnknown(name)
    if names:
        return [name for name in SCENARIOS if name in names]
    return [name for name, scenario in SCENARIOS.items() if scenario.quick or not quick]


def run(request: Request) -> Report:
    """Run the scenarios, and remove all traces.

    Raises:
        NotMeasurable: no Linux.
        KafkaNotFound: Kafka was not found, and could not be started.
        KafkaFailure: the brokers refuse or are away.
        WorkerDied: a worker ended unexpectedly.
    """
    available = available_cores()
    cores = allot(available)
    expected = {name: _seconds(name, quick=request.effort.quick) for name in request.scenarios}
    with (
        _terminated_like_interrupted(),
        pinned(cores.rest),
        Told(sum(expected.values())) as told,
        _folder(request.logs) as folder,
    ):
        told.step("looking for Kafka …")
        with find_kafka(request.bootstrap, announce=told.step) as kafka:
            settings = KafkaSettings(bootstrap_servers=kafka.bootstrap)
            lab = Lab(settings, available, request.effort, folder, told.step)
            findings = {}
            for name, seconds in expected.items():
                told.begin(name, seconds)
                findings[name] = SCENARIOS[name].measure(lab)
    setting = {
        "date": datetime.now(UTC).date().isoformat(),
        "command": request.command,
        "kafka": kafka.how,
        "placement": str(cores),
        **describe(),
        "effort": asdict(request.effort),
    }
    return Report(setting, findings)


def _seconds(name: str, *, quick: bool) -> float:
    scenario = SCENARIOS[name]
    return scenario.quick_s if quick else scenario.seconds


@contextmanager
def _folder(logs: Path | None) -> Iterator[Path]:
    """Yield a new folder for logs, kept or not."""
    if logs is not None:
        logs.mkdir(parents=True, exist_ok=True)
        yield Path(tempfile.mkdtemp(prefix="bench-", dir=logs))
        return
    with tempfile.TemporaryDirectory(prefix="plaudit-bench-") as folder:
        yield Path(folder)


@contextmanager
def _terminated_like_interrupted() -> Iterator[None]:
    """Handle SIGTERM like Ctrl-C, which stops processes and deletes topics."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
