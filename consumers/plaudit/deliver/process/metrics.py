"""Metrics of a worker, read at each scrape.

The descriptions are in `plaudit.runtime.metrics`. No metric carries an endpoint's id, as there
can be a hundred thousand of them. Workspaces are labels of the ten heaviest only.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from itertools import accumulate
from typing import Final

from prometheus_client.core import Metric
from prometheus_client.registry import Collector
from prometheus_client.samples import Exemplar

from plaudit.deliver.isolation.head_of_line import Evicted
from plaudit.deliver.model.decision import Reason
from plaudit.deliver.running_lane import RunningLane
from plaudit.deliver.worker import Worker
from plaudit.events.decoding import UNDECODABLE
from plaudit.records.attempt import Outcome
from plaudit.records.trace_context import TraceContext
from plaudit.runtime.metrics import deliver as of
from plaudit.runtime.metrics.common import LAG_RECORDS, LAG_SECONDS, metric_of, seeded
from plaudit.runtime.metrics.spec import MetricSpec
from plaudit.transport.errors import TransportError

DIVERSIONS: Final = (
    Reason.ENDPOINT_UNKNOWN,
    Reason.ENDPOINT_BEHIND,
    Reason.ENDPOINT_UNREADABLE,
    Reason.NOT_BEFORE,
    Reason.RATE_LIMIT,
    Reason.BACKLOG,
    Reason.CIRCUIT_OPEN,
    Reason.SLOW,
    Reason.THROTTLED,
    Reason.REBALANCE,
    Reason.RELIEF,
    Reason.LOOK_UPS,
)
"""Reasons of diversions."""
STATUS_CLASSES: Final = ("1xx", "2xx", "3xx", "4xx", "5xx")

_Bucket = tuple[str, float] | tuple[str, float, Exemplar]
_Read = Callable[[RunningLane], Mapping[str, float]]


def _one(value: float) -> Mapping[str, float]:
    return {"": value}


def _results() -> Iterator[str]:
    """Yield the possible results of an attempt: classes of status and codes of errors."""
    yield from STATUS_CLASSES
    kinds: list[type[TransportError]] = [TransportError]
    while kinds:
        kind = kinds.pop()
        kinds += kind.__subclasses__()
        yield kind.code


READ: Final[Mapping[MetricSpec, _Read]] = {
    of.SETTLED: lambda lane: seeded(Outcome, lane.counters.settled),
    of.ATTEMPTS: lambda lane: seeded(_results(), lane.counters.attempts),
    of.DIVERTED: lambda lane: seeded(DIVERSIONS, lane.counters.diverted),
    of.EVICTED: lambda lane: _one(lane.counters.attempts[Evicted.code]),
    of.CIRCUITS_OPEN: lambda lane: _one(
        sum(each.open for each in lane.admission.queues.known_health)
    ),
    of.SLOW: lambda lane: _one(sum(each.slow for each in lane.admission.queues.known_health)),
    of.QUEUE_LONGEST: lambda lane: _one(lane.admission.queues.longest),
    of.LANE_FILL: lambda lane: _one(lane.fill),
    of.LANE_FILL_RATIO: lambda lane: _one(lane.fill),
    of.CROWDED: lambda lane: _one(sum(each.crowded_below > 0 for each in lane.source.assignments)),
    of.UNDECODABLE: lambda lane: seeded((*UNDECODABLE, Reason.DEFECT), lane.counters.undecodable),
    of.UNMATCHED: lambda lane: _one(lane.counters.unmatched),
    of.REPEATED: lambda lane: _one(lane.counters.repeated),
    of.LOST: lambda lane: seeded(lane.source.topics, lane.lane.lost_records),
    of.RESET: lambda lane: seeded(lane.source.topics, lane.lane.positions_reset),
    of.METADATA_IGNORED: lambda lane: _one(lane.source.holdings.foreign),
    of.READ: lambda lane: _one(lane.source.handed_over),
    of.FANNED_OUT: lambda lane: _one(lane.counters.fanned_out),
    of.DELIVERIES_IN_HAND: lambda lane: _one(lane.admission.in_hand),
    of.RECORDS_IN_HAND: lambda lane: _one(lane.source.holdings.in_hand),
    of.DUE_RECORDS: lambda lane: _one(lane.due.records),
    of.DUE_SECONDS: lambda lane: _one(lane.due.seconds),
    of.STRANDED: lambda lane: _one(len(lane.watch.stranded)),
    of.ASSIGNED: lambda lane: _one(len(lane.source.assignments)),
    of.WAITING: lambda lane: _one(len(lane.blocked)),
    of.FLOODED: lambda lane: _one(lane.limiter.stopped),
    of.LATE: lambda lane: _one(lane.late_s),
    of.HEAVIEST_SETTLED: lambda lane: dict(lane.counters.workspaces.settled),
    of.HEAVIEST_WAITING: lambda lane: dict(lane.counters.workspaces.waiting),
}


def _bucket(bound: str, count: float, traced: tuple[TraceContext, float] | None) -> _Bucket:
    """Return a bucket, with an exemplar for scrapers that ask for OpenMetrics."""
    if traced is None:
        return bound, count
    trace, seconds = traced
    return bound, count, Exemplar({"trace_id": trace.trace_id}, seconds)


class WorkerCollector(Collector):
    """Reads a worker's numbers at each scrape."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker

    def collect(self) -> Iterator[Metric]:
        """Yield every metric."""
        for spec, read in READ.items():
            yield self._per_lane(spec, read)
        yield self._durations()
        yield self._blocked()
        yield from self._lags()
        settler = self._worker.settler
        yield metric_of(of.SETTLE_BACKLOG, {(): settler.backlog})
        yield metric_of(of.SETTLE_SILENT, {(): settler.silent_s})
        yield metric_of(of.WRITES_REFUSED, {(): settler.refused})
        defects = {(stage,): count for stage, count in settler.defects.counts.items()}
        yield metric_of(of.DEFECTS, defects)
        yield from self._endpoints()
        yield from self._clocks()

    def _endpoints(self) -> Iterator[Metric]:
        table = self._worker.table
        yield metric_of(of.ENDPOINTS, {(): len(table)})
        yield metric_of(of.UNREADABLE, {(): table.unreadable})
        yield metric_of(of.UNBOUND, {(): table.unbound})
        yield metric_of(of.FORGED, {(): table.forged})
        yield metric_of(of.COSTLY, {(): table.costly_filters})
        exchange = self._worker.exchange
        yield metric_of(of.FINDINGS, {} if exchange is None else exchange.counts)

    def _clocks(self) -> Iterator[Metric]:
        yield metric_of(of.LOOP_LATE, {(): self._worker.late_s})
        as_of = self._worker.follower.current_as_of
        age = float("nan") if as_of is None else time.monotonic() - as_of
        yield metric_of(of.TABLE_AGE, {(): age})
        skew_ms = self._worker.clock.skew_ms
        skew = float("nan") if skew_ms is None else skew_ms / 1_000
        yield metric_of(of.CLOCK_SKEW, {(): skew})

    def _per_lane(self, spec: MetricSpec, read: _Read) -> Metric:
        is_split = len(spec.labels) > 1
        samples = {}
        for lane in self._worker.lanes:
            for value, number in read(lane).items():
                samples[(lane.lane.name, value) if is_split else (lane.lane.name,)] = number
        return metric_of(spec, samples)

    def _lags(self) -> Iterator[Metric]:
        now_ms = self._worker.clock.now_ms()
        records, seconds = {}, {}
        for lane in self._worker.lanes:
            for (topic, number), lag in lane.source.lag.lags.items():
                labels = (lane.source.group, topic, str(number))
                records[labels] = float(lag.records)
                seconds[labels] = lag.overdue_s(now_ms)
        yield metric_of(LAG_RECORDS, records)
        yield metric_of(LAG_SECONDS, seconds)

    def _blocked(self) -> Metric:
        samples = {}
        for lane in self._worker.lanes:
            for each in lane.blocked:
                topic, number = each.partition
                samples[lane.lane.name, topic, str(number)] = each.seconds()
        return metric_of(of.BLOCKED, samples)

    def _durations(self) -> Metric:
        metric = of.DURATIONS.histogram()
        bounds = [*(str(bound) for bound in of.BUCKETS_S), "+Inf"]
        for each in self._worker.lanes:
            tally = each.counters
            counts = accumulate(tally.durations)
            buckets = [
                _bucket(bound, count, tally.exemplars.get(place))
                for place, (bound, count) in enumerate(zip(bounds, counts, strict=True))
            ]
            metric.add_metric([each.lane.name], buckets, tally.duration_sum_s)
        return metric
