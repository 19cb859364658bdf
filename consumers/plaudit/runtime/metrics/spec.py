"""Description of a metric, from which its exposition, documentation and queries are made."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
)


class Kind(StrEnum):
    """Type of a metric, in Prometheus' words."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


@dataclass(frozen=True, slots=True)
class MetricSpec:
    """A metric of the catalogue.

    Attributes:
        name: name in the code, without the `_total` of a counter.
        kind: its type.
        meaning: what it counts or measures; the help text.
        act: what to do when it moves; empty if there is nothing to do.
        labels: names of its labels.
        unit: unit of its values.
        buckets: upper bounds of a histogram.
    """

    name: str
    kind: Kind
    meaning: str
    act: str = ""
    labels: tuple[str, ...] = ()
    unit: str = ""
    buckets: tuple[float, ...] = ()

    @property
    def scraped(self) -> str:
        """Name in queries: counters end in `_total`."""
        return f"{self.name}_total" if self.kind is Kind.COUNTER else self.name

    @property
    def series(self) -> tuple[str, ...]:
        """Names of its series in queries; a histogram has three."""
        if self.kind is not Kind.HISTOGRAM:
            return (self.scraped,)
        return tuple(f"{self.name}_{part}" for part in ("bucket", "count", "sum"))

    def counter(self) -> CounterMetricFamily:
        """Return its family, without samples."""
        return CounterMetricFamily(self.name, self.meaning, labels=self.labels)

    def gauge(self) -> GaugeMetricFamily:
        """Return its family, without samples."""
        return GaugeMetricFamily(self.name, self.meaning, labels=self.labels)

    def histogram(self) -> HistogramMetricFamily:
        """Return its family, without samples."""
        return HistogramMetricFamily(self.name, self.meaning, labels=self.labels)


def counter(name: str, meaning: str, act: str = "", *labels: str, unit: str = "") -> MetricSpec:
    """Return the description of a counter."""
    return MetricSpec(name, Kind.COUNTER, meaning, act, labels, unit)


def gauge(name: str, meaning: str, act: str = "", *labels: str, unit: str = "") -> MetricSpec:
    """Return the description of a gauge."""
    return MetricSpec(name, Kind.GAUGE, meaning, act, labels, unit)


def histogram(
    name: str, meaning: str, act: str, *labels: str, buckets: tuple[float, ...]
) -> MetricSpec:
    """Return the description of a histogram of seconds."""
    return MetricSpec(name, Kind.HISTOGRAM, meaning, act, labels, "seconds", buckets)
