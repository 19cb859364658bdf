"""Metrics of a worker, and whether it is well.

Nothing is counted here: a scrape reads the numbers from the worker. No metric carries
an endpoint's id: there can be a hundred thousand of them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import accumulate
from typing import Final, Literal

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from plaudit.deliver.isolation.head_of_line import Evicted
from plaudit.deliver.running_lane import RunningLane
from plaudit.deliver.telemetry.counters import BUCKETS_S
from plaudit.deliver.worker import Worker

Kind = Literal["counter", "gauge"]


@dataclass(frozen=True, slots=True)
class Described:
    """A metric with what an operator has to know of it.

    Attributes:
        name: as scraped, without `_total`.
        kind: how it behaves.
        meaning: what it counts, and what to do when it moves.
        label: what it is split by beside the lane; empty for nothing.
        read: takes its values from a lane, by label value.
    """

    name: str
    kind: Kind
    meaning: str
    label: str
    read: Callable[[RunningLane], Mapping[str, float]]


def _one(value: float) -> Mapping[str, float]:
    return {"": value}


PER_LANE: Final = (
    Described(
        "plaudit_deliveries_settled",
        "counter",
        "Deliveries settled, by outcome; `dead` and `gone` want someone to look.",
        "outcome",
        lambda each: each.counters.settled,
    ),
    Described(
        "plaudit_attempts",
        "counter",
        "HTTP attempts, by class of status or code of error.",
        "result",
        lambda each: each.counters.attempts,
    ),
    Described(
        "plaudit_deliveries_diverted",
        "counter",
        "Deliveries that went to a tier without an attempt, by reason; see docs/isolation.md.",
        "reason",
        lambda each: each.counters.diverted,
    ),
    Described(
        "plaudit_attempts_evicted",
        "counter",
        "Attempts cancelled after 5 s because others waited for them; a few when one hangs.",
        "",
        lambda each: _one(each.counters.attempts[Evicted.code]),
    ),
    Described(
        "plaudit_circuits_open",
        "gauge",
        "Endpoints whose circuit is open: they fail, and nothing but probes is sent.",
        "",
        lambda each: _one(sum(of.open for of in each.admission.queues.standings)),
    ),
    Described(
        "plaudit_endpoints_slow",
        "gauge",
        "Endpoints whose answers take over 2 s; the deliveries lane serves them.",
        "",
        lambda each: _one(sum(of.slow for of in each.admission.queues.standings)),
    ),
    Described(
        "plaudit_queue_longest",
        "gauge",
        "Deliveries waiting for a slot at the endpoint where most wait.",
        "",
        lambda each: _one(each.admission.queues.longest),
    ),
    Described(
        "plaudit_lane_fill",
        "gauge",
        "Part of what the lane may have in hand; from 0.8 on, what hangs is cancelled.",
        "",
        lambda each: _one(each.fill),
    ),
    Described(
        "plaudit_partitions_crowded",
        "gauge",
        "Partitions that run 8,000 records ahead of their oldest; relief makes it short.",
        "",
        lambda each: _one(sum(of.crowded_below > 0 for of in each.source.assignments)),
    ),
    Described(
        "plaudit_records_undecodable",
        "counter",
        "Records that went to dlq.events, by reason; any of them is a producer's mistake.",
        "reason",
        lambda each: each.counters.undecodable,
    ),
    Described(
        "plaudit_records_unmatched",
        "counter",
        "Events that no endpoint wanted.",
        "",
        lambda each: _one(each.counters.unmatched),
    ),
    Described(
        "plaudit_records_repeated",
        "counter",
        "Doubled records of the deliveries lane that were dropped; after a crash, a few.",
        "",
        lambda each: _one(each.counters.repeated),
    ),
    Described(
        "plaudit_records_lost",
        "counter",
        "Records that retention removed before they were read: alert on any.",
        "topic",
        lambda each: each.lane.lost_records,
    ),
    Described(
        "plaudit_positions_reset",
        "counter",
        "Positions past the end of their log, which is another than was read: alert on any.",
        "topic",
        lambda each: each.lane.positions_reset,
    ),
    Described(
        "plaudit_commit_metadata_ignored",
        "counter",
        "Partitions taken over with commit metadata that is not ours: what it said is done again.",
        "",
        lambda each: _one(each.source.holdings.foreign),
    ),
    Described(
        "plaudit_records_read",
        "counter",
        "Records handed to the event loop.",
        "",
        lambda each: _one(each.source.handed_over),
    ),
    Described(
        "plaudit_fanned_out",
        "counter",
        "Deliveries of wide events that went to deliveries.now.",
        "",
        lambda each: _one(each.counters.fanned_out),
    ),
    Described(
        "plaudit_deliveries_in_hand",
        "gauge",
        "Deliveries waiting for a slot or on the wire.",
        "",
        lambda each: _one(each.admission.in_hand),
    ),
    Described(
        "plaudit_records_in_hand",
        "gauge",
        "Records read and not finished; at its limit, the lane is short of workers.",
        "",
        lambda each: _one(each.source.holdings.in_hand),
    ),
    Described(
        "plaudit_records_stranded",
        "gauge",
        "Records that a defect lost, started again and not finished yet: alert on any.",
        "",
        lambda each: _one(len(each.watch.stranded)),
    ),
    Described(
        "plaudit_partitions_assigned",
        "gauge",
        "Partitions that this worker holds.",
        "",
        lambda each: _one(len(each.source.assignments)),
    ),
    Described(
        "plaudit_partitions_waiting",
        "gauge",
        "Partitions that stand still at a record (see `plaudit_partition_blocked_seconds`) or wait "
        "for the table of endpoints: alert when it lasts.",
        "",
        lambda each: _one(len(each.blocked)),
    ),
    Described(
        "plaudit_partitions_flooded",
        "gauge",
        "Partitions paused because most of their records were not events: alert on any.",
        "",
        lambda each: _one(each.limiter.stopped),
    ),
    Described(
        "plaudit_late_seconds",
        "gauge",
        "How late the lane is: its latest record, or one that is due and stands in a partition "
        "that waits; over 1 s the lane is short of workers, or blocked.",
        "",
        lambda each: _one(each.late_s),
    ),
)

BLOCKED: Final = "plaudit_partition_blocked_seconds"
DURATIONS: Final = "plaudit_attempt_duration_seconds"
SETTLE_BACKLOG: Final = "plaudit_settle_backlog"
WRITES_REFUSED: Final = "plaudit_writes_refused"
DEFECTS: Final = "plaudit_defects"
ENDPOINTS: Final = "plaudit_endpoints"
UNREADABLE: Final = "plaudit_endpoints_unreadable"
UNBOUND: Final = "plaudit_endpoints_unbound"
FORGED: Final = "plaudit_endpoint_records_forged"
COSTLY: Final = "plaudit_filters_too_costly"
LOOP_LATE: Final = "plaudit_loop_late_seconds"
TABLE_AGE: Final = "plaudit_endpoints_age_seconds"
CLOCK_SKEW: Final = "plaudit_clock_skew_seconds"
PER_WORKER: Final[Mapping[str, tuple[Kind | Literal["histogram"], str]]] = {
    DURATIONS: ("histogram", "How long HTTP attempts took."),
    BLOCKED: (
        "gauge",
        "How long a partition has stood still; `plaudit status` says why: alert over 60 s.",
    ),
    SETTLE_BACKLOG: ("gauge", "Writes to Kafka that failed or found the buffer full: alert."),
    WRITES_REFUSED: ("counter", "Writes that Kafka refused for good, kept as dead letters: alert."),
    DEFECTS: ("counter", "Defects of the worker's own code, by stage; see its log: alert on any."),
    ENDPOINTS: ("gauge", "Endpoints in the table, disabled ones included."),
    UNREADABLE: ("gauge", "Endpoints that can't be opened: a wrong key, or damage; alert on any."),
    UNBOUND: ("gauge", "Endpoints whose record has no seal; `plaudit endpoints reseal` adds it."),
    FORGED: ("counter", "Endpoint records that were refused, as their seal does not fit: alert."),
    COSTLY: ("gauge", "Endpoints whose filter took an event because judging it costs too much."),
    LOOP_LATE: ("gauge", "How late the event loop runs; over 0.1 s the worker is short of CPU."),
    TABLE_AGE: ("gauge", "How long ago the table of endpoints was known to be complete."),
    CLOCK_SKEW: (
        "gauge",
        "How far the brokers' clock is ahead of this machine's; retries follow the brokers'.",
    ),
}


class WorkerCollector(Collector):
    """Reads a worker's numbers when they are scraped."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker

    def collect(self) -> Iterator[Metric]:
        """Yield every metric."""
        for described in PER_LANE:
            yield self._per_lane(described)
        yield self._durations()
        yield self._blocked()
        settler = self._worker.settler
        yield GaugeMetricFamily(SETTLE_BACKLOG, PER_WORKER[SETTLE_BACKLOG][1], settler.backlog)
        yield CounterMetricFamily(WRITES_REFUSED, PER_WORKER[WRITES_REFUSED][1], settler.refused)
        yield self._defects()
        late_s = self._worker.late_s
        yield GaugeMetricFamily(LOOP_LATE, PER_WORKER[LOOP_LATE][1], late_s)
        yield from self._endpoints()
        as_of = self._worker.follower.current_as_of
        age = float("nan") if as_of is None else time.monotonic() - as_of
        yield GaugeMetricFamily(TABLE_AGE, PER_WORKER[TABLE_AGE][1], age)
        skew_ms = self._worker.clock.skew_ms
        skew = float("nan") if skew_ms is None else skew_ms / 1_000
        yield GaugeMetricFamily(CLOCK_SKEW, PER_WORKER[CLOCK_SKEW][1], skew)

    def _endpoints(self) -> Iterator[Metric]:
        table = self._worker.table
        yield GaugeMetricFamily(ENDPOINTS, PER_WORKER[ENDPOINTS][1], len(table))
        yield GaugeMetricFamily(UNREADABLE, PER_WORKER[UNREADABLE][1], table.unreadable)
        yield GaugeMetricFamily(UNBOUND, PER_WORKER[UNBOUND][1], table.unbound)
        yield CounterMetricFamily(FORGED, PER_WORKER[FORGED][1], table.forged)
        yield GaugeMetricFamily(COSTLY, PER_WORKER[COSTLY][1], table.costly_filters)

    def _defects(self) -> Metric:
        metric = CounterMetricFamily(DEFECTS, PER_WORKER[DEFECTS][1], labels=["stage"])
        for stage, count in self._worker.settler.defects.counts.items():
            metric.add_metric([stage], count)
        return metric

    def _per_lane(self, described: Described) -> Metric:
        family = CounterMetricFamily if described.kind == "counter" else GaugeMetricFamily
        labels = ["lane", described.label] if described.label else ["lane"]
        metric = family(described.name, described.meaning, labels=labels)
        for each in self._worker.lanes:
            for value, number in dict(described.read(each)).items():
                of = [each.lane.name, value] if described.label else [each.lane.name]
                metric.add_metric(of, number)
        return metric

    def _blocked(self) -> Metric:
        labels = ["lane", "topic", "partition"]
        metric = GaugeMetricFamily(BLOCKED, PER_WORKER[BLOCKED][1], labels=labels)
        for lane in self._worker.lanes:
            for each in lane.blocked:
                topic, number = each.partition
                metric.add_metric([lane.lane.name, topic, str(number)], each.seconds())
        return metric

    def _durations(self) -> Metric:
        metric = HistogramMetricFamily(DURATIONS, PER_WORKER[DURATIONS][1], labels=["lane"])
        bounds = [*(str(bound) for bound in BUCKETS_S), "+Inf"]
        for each in self._worker.lanes:
            tally = each.counters
            buckets = list(zip(bounds, accumulate(tally.durations), strict=True))
            metric.add_metric([each.lane.name], buckets, tally.duration_sum_s)
        return metric
