"""Metrics that processes of several kinds have."""

from __future__ import annotations

import platform
from collections.abc import Iterable, Iterator, Mapping
from importlib.metadata import version
from typing import Final, TypeVar

from prometheus_client import CollectorRegistry
from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from plaudit.events.avro.build_kind import form
from plaudit.runtime.metrics.spec import Kind, MetricSpec, gauge

BUILD_INFO: Final = gauge(
    "plaudit_build_info",
    "1, with the process (deliver, record, serve, relay or jobs), the version, the form (pure or "
    "compiled) and the Python release as labels.",
    "After an upgrade, count the processes of each version.",
    "process",
    "version",
    "form",
    "python",
)
LAG_RECORDS: Final = gauge(
    "plaudit_consumer_lag_records",
    "Records of a partition that the group has not finished, parked retries included; while the "
    "partition is paused, as of its last fetch.",
    "Scale on `plaudit_due_records`: a parked retry is not work.",
    "group",
    "topic",
    "partition",
    unit="records",
)
LAG_SECONDS: Final = gauge(
    "plaudit_consumer_lag_seconds",
    "How long the oldest unfinished record of a partition has been due; 0 if none is due.",
    "If it grows, compare with `plaudit_partition_blocked_seconds`; else add workers.",
    "group",
    "topic",
    "partition",
    unit="seconds",
)
_Labels = TypeVar("_Labels", bound=tuple[str, ...])

EVERYWHERE: Final = (BUILD_INFO,)
CONSUMERS: Final = (LAG_RECORDS, LAG_SECONDS)


def seeded(values: Iterable[str], counts: Mapping[str, float]) -> Mapping[str, float]:
    """Return counts with a zero for each known label value.

    Without it the first event has no sample before it, and `increase()` does not see it.
    """
    return {**dict.fromkeys(values, 0), **counts}


def metric_of(spec: MetricSpec, samples: Mapping[_Labels, float]) -> Metric:
    """Return the family of a counter or gauge, with a sample for each tuple of label values."""
    metric = spec.counter() if spec.kind is Kind.COUNTER else spec.gauge()
    for labels, value in samples.items():
        metric.add_metric(labels, value)
    return metric


class BuildInfo(Collector):
    """Collector of the version of this process.

    Args:
        process: the command that it runs.
    """

    def __init__(self, process: str) -> None:
        self._process = process

    def collect(self) -> Iterator[Metric]:
        """Yield the metric."""
        labels = (self._process, version("plaudit"), form(), platform.python_version())
        yield metric_of(BUILD_INFO, {labels: 1})


def register_build_info(registry: CollectorRegistry, process: str) -> None:
    """Add the version to what a process exposes."""
    registry.register(BuildInfo(process))
