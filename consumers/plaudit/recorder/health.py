"""Metrics and health of a recorder."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Final

from prometheus_client import CollectorRegistry
from prometheus_client.core import Metric
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from plaudit.kafka.admin.client import Admin
from plaudit.kafka.errors import KafkaFailure
from plaudit.logs.logger import event_logger
from plaudit.recorder.projector import ProjectionCounts
from plaudit.recorder.recorder import Recorder
from plaudit.records.times import wall_ms
from plaudit.runtime.metrics import others as of
from plaudit.runtime.metrics.common import (
    LAG_RECORDS,
    LAG_SECONDS,
    metric_of,
    register_build_info,
)

_log = event_logger(__name__)

STUCK_AFTER_S: Final = 30.0
ASK_EVERY_S: Final = 3.0
"""Interval of `BrokerWatch.look`."""
ANSWER_S: Final = 2.0
"""Seconds in which the brokers have to answer."""


class BrokerWatch:
    """Asks whether the brokers answer; `look` belongs to one thread, any may read `problem`.

    Args:
        brokers: connection to them.
        topic: topic that the recorder reads.

    Attributes:
        problem: why attempts can't be read, as of the last look; None if they can.
    """

    def __init__(self, brokers: Admin, topic: str) -> None:
        self._brokers = brokers
        self._topic = topic
        self.problem: str | None = None

    def look(self) -> None:
        """Ask, and log a change."""
        try:
            known = self._topic in self._brokers.topic_names()
            found = None if known else f"missing topic: {self._topic}"
        except KafkaFailure as failure:
            found = str(failure)
        if found is not None and self.problem is None:
            _log.warning("recorder.unavailable", extra={"error": found})
        if found is None and self.problem is not None:
            _log.info("recorder.recovered", extra={"after": self.problem})
        self.problem = found


class RecorderHealth:
    """Health of a recorder (see `plaudit.runtime.ops_server.Subject`).

    Args:
        recorder: the recorder.
        counts: its counts.
        brokers: whether the brokers answer; the recorder itself does not notice while it is idle.
    """

    def __init__(self, recorder: Recorder, counts: ProjectionCounts, brokers: BrokerWatch) -> None:
        self._recorder = recorder
        self._brokers = brokers
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        register_build_info(self.registry, "record")
        self.registry.register(_Numbers(recorder, counts, brokers))

    def stuck(self) -> list[str]:
        """Return the parts without progress; empty if healthy."""
        silent_s = time.monotonic() - self._recorder.progressed_at
        return ["the loop makes no progress"] if silent_s > STUCK_AFTER_S else []

    def unready(self) -> list[str]:
        """Return the reasons why attempts can't be recorded; empty if ready."""
        trouble = self._recorder.trouble or self._brokers.problem
        return [*([] if trouble is None else [trouble]), *self.stuck()]


class _Numbers(Collector):
    def __init__(self, recorder: Recorder, counts: ProjectionCounts, brokers: BrokerWatch) -> None:
        self._recorder = recorder
        self._counts = counts
        self._brokers = brokers

    def collect(self) -> Iterator[Metric]:
        """Yield every metric."""
        counts, recorder = self._counts, self._recorder
        yield metric_of(of.WRITTEN, {(): counts.written})
        yield metric_of(of.KNOWN, {(): counts.known})
        yield metric_of(of.UNREADABLE, {(): counts.unreadable})
        yield metric_of(of.DISABLED, {(): counts.disabled})
        yield metric_of(of.LOST, {(): recorder.lost})
        yield metric_of(of.RESET, {(): recorder.positions_reset})
        waits = recorder.trouble is not None or self._brokers.problem is not None
        yield metric_of(of.WAITING, {(): float(waits)})
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
