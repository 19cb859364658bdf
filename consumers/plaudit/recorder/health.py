"""Metrics and health of a recorder."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Final

from prometheus_client import CollectorRegistry
from prometheus_client.core import Metric
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from plaudit.kafka.admin.client import Admin
from plaudit.kafka.errors import KafkaFailure
from plaudit.recorder.projector import ProjectionCounts
from plaudit.recorder.recorder import Recorder
from plaudit.records.times import wall_ms
from plaudit.runtime.fresh import FreshProblems, Problems
from plaudit.runtime.metrics import others as of
from plaudit.runtime.metrics.common import (
    LAG_RECORDS,
    LAG_SECONDS,
    metric_of,
    register_build_info,
)

STUCK_AFTER_S: Final = 30.0


class RecorderHealth:
    """Health of a recorder (see `plaudit.runtime.ops_server.Subject`).

    Args:
        recorder: the recorder.
        counts: its counts.
        ask: asks the brokers; the recorder itself notices late that they are away.
    """

    def __init__(
        self, recorder: Recorder, counts: ProjectionCounts, ask: Callable[[], Problems]
    ) -> None:
        self._recorder = recorder
        self._brokers = FreshProblems(ask)
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        register_build_info(self.registry, "record")
        self.registry.register(_Numbers(recorder, counts))

    def stuck(self) -> list[str]:
        """Return the parts without progress; empty if healthy."""
        silent_s = time.monotonic() - self._recorder.progressed_at
        return ["the loop makes no progress"] if silent_s > STUCK_AFTER_S else []

    def unready(self) -> list[str]:
        """Return the reasons why attempts can't be recorded; empty if ready."""
        trouble = self._recorder.trouble
        found = [trouble] if trouble is not None else self._brokers.find()
        return [*found, *self.stuck()]


def broker_problems(brokers: Admin, topic: str) -> Problems:
    """Return why attempts can't be read from the brokers now; empty if they can."""
    try:
        return () if topic in brokers.topic_names() else (f"missing topic: {topic}",)
    except KafkaFailure as failure:
        return (str(failure),)


class _Numbers(Collector):
    def __init__(self, recorder: Recorder, counts: ProjectionCounts) -> None:
        self._recorder = recorder
        self._counts = counts

    def collect(self) -> Iterator[Metric]:
        """Yield every metric."""
        counts, recorder = self._counts, self._recorder
        yield metric_of(of.WRITTEN, {(): counts.written})
        yield metric_of(of.KNOWN, {(): counts.known})
        yield metric_of(of.UNREADABLE, {(): counts.unreadable})
        yield metric_of(of.DISABLED, {(): counts.disabled})
        yield metric_of(of.LOST, {(): recorder.lost})
        yield metric_of(of.RESET, {(): recorder.positions_reset})
        yield metric_of(of.WAITING, {(): float(recorder.trouble is not None)})
        yield from self._lags()

    def _lags(self) -> Iterator[Metric]:
        now_ms = wall_ms()
        records, seconds = {}, {}
        for (topic, number), lag in self._recorder.lag.lags.items():
            labels = (self._recorder.group, topic, str(number))
            records[labels] = float(lag.records)
            seconds[labels] = lag.behind_s(now_ms)
        yield metric_of(LAG_RECORDS, records)
        yield metric_of(LAG_SECONDS, seconds)
