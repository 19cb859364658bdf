"""Metrics and health of a recorder."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Final

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from plaudit.recorder.projector import ProjectionCounts
from plaudit.recorder.recorder import Recorder

STUCK_AFTER_S: Final = 30.0

COUNTERS: Final[Mapping[str, tuple[str, Callable[[ProjectionCounts], int]]]] = {
    "plaudit_recorder_written": ("Attempts that are new in the log.", lambda of: of.written),
    "plaudit_recorder_known": (
        "Attempts that the log had already; after a crash, a few.",
        lambda of: of.known,
    ),
    "plaudit_recorder_unreadable": (
        "Records that are not attempts, skipped and logged: alert on any.",
        lambda of: of.unreadable,
    ),
    "plaudit_recorder_disabled": (
        "Endpoints that were disabled after 410, or days of failures.",
        lambda of: of.disabled,
    ),
}
LOST: Final = "plaudit_recorder_lost"
RESET: Final = "plaudit_recorder_positions_reset"
WAITING: Final = "plaudit_recorder_waiting"
OTHERS: Final[Mapping[str, tuple[str, str]]] = {
    LOST: ("counter", "Records that retention removed before they were read: alert on any."),
    RESET: (
        "counter",
        "Positions that were past the end of the log, which was read from its start: alert on any.",
    ),
    WAITING: ("gauge", "1 while the database or the brokers are waited for: alert when it lasts."),
}


class RecorderHealth:
    """Says how a recorder is (see `plaudit.runtime.ops_server.Subject`).

    Args:
        recorder: of whom to speak.
        counts: what it has done.
    """

    def __init__(self, recorder: Recorder, counts: ProjectionCounts) -> None:
        self._recorder = recorder
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        self.registry.register(_Numbers(recorder, counts))

    def stuck(self) -> list[str]:
        """Return what makes no progress; empty while all is well."""
        silent_s = time.monotonic() - self._recorder.progressed_at
        return ["the loop makes no progress"] if silent_s > STUCK_AFTER_S else []

    def unready(self) -> list[str]:
        """Return what is missing before attempts can be recorded; empty when nothing is."""
        trouble = self._recorder.trouble
        return [*([] if trouble is None else [trouble]), *self.stuck()]


class _Numbers(Collector):
    def __init__(self, recorder: Recorder, counts: ProjectionCounts) -> None:
        self._recorder = recorder
        self._counts = counts

    def collect(self) -> Iterator[Metric]:
        """Yield every metric."""
        for name, (meaning, read) in COUNTERS.items():
            yield CounterMetricFamily(name, meaning, read(self._counts))
        yield CounterMetricFamily(LOST, OTHERS[LOST][1], self._recorder.lost)
        reset = self._recorder.positions_reset
        yield CounterMetricFamily(RESET, OTHERS[RESET][1], reset)
        waiting = float(self._recorder.trouble is not None)
        yield GaugeMetricFamily(WAITING, OTHERS[WAITING][1], waiting)
