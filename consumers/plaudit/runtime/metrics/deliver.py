"""Metrics of a deliverer and of its supervisor."""

from __future__ import annotations

from typing import Final

from plaudit.runtime.metrics.spec import MetricSpec, counter, gauge, histogram

BUCKETS_S: Final[tuple[float, ...]] = (
    0.005,
    0.01,
    0.025,
    0.05,
    0.1,
    0.25,
    0.5,
    1.0,
    2.5,
    5.0,
    10.0,
    20.0,
)

SETTLED: Final = counter(
    "plaudit_deliveries_settled",
    "Deliveries settled, by outcome.",
    "Look at `dead` and `gone`: `plaudit dlq stats`.",
    "lane",
    "outcome",
)
ATTEMPTS: Final = counter(
    "plaudit_attempts",
    "HTTP attempts, by class of status or code of error.",
    "",
    "lane",
    "result",
)
DIVERTED: Final = counter(
    "plaudit_deliveries_diverted",
    "Deliveries that went to a tier without an attempt, by reason.",
    "See docs/isolation.md.",
    "lane",
    "reason",
)
EVICTED: Final = counter(
    "plaudit_attempts_evicted",
    "Attempts cancelled because others waited for them for 5 s, or their partition was to move.",
    "",
    "lane",
)
CIRCUITS_OPEN: Final = gauge(
    "plaudit_circuits_open",
    "Endpoints whose circuit is open: they fail, and nothing but probes is sent.",
    "Compare `plaudit endpoints health`; many at once point to the network.",
    "lane",
)
SLOW: Final = gauge(
    "plaudit_endpoints_slow",
    "Endpoints whose answers take over 2 s; the deliveries lane serves them.",
    "",
    "lane",
)
QUEUE_LONGEST: Final = gauge(
    "plaudit_queue_longest",
    "Deliveries waiting for a slot at the endpoint with the longest queue.",
    "",
    "lane",
)
LANE_FILL: Final = gauge(
    "plaudit_lane_fill",
    "The same as `plaudit_lane_fill_ratio`; kept for queries that use this name.",
    "Use the other name, with Prometheus' unit `ratio`.",
    "lane",
    unit="ratio",
)
LANE_FILL_RATIO: Final = gauge(
    "plaudit_lane_fill_ratio",
    "Share of the lane's capacity that is in hand; from 0.8 on, it cancels hanging requests.",
    "Add workers, or find the endpoints that hang.",
    "lane",
    unit="ratio",
)
CROWDED: Final = gauge(
    "plaudit_partitions_crowded",
    "Partitions that run 8,000 records ahead of their oldest; relief makes it short.",
    "",
    "lane",
)
UNDECODABLE: Final = counter(
    "plaudit_records_undecodable",
    "Records that went to dlq.events, by reason; each is a producer's mistake.",
    "Alert on any. Find the producer: `plaudit dlq list --kind events`.",
    "lane",
    "reason",
)
UNMATCHED: Final = counter(
    "plaudit_records_unmatched", "Events that no endpoint wanted.", "", "lane"
)
REPEATED: Final = counter(
    "plaudit_records_repeated",
    "Doubled records of the deliveries lane that were dropped; after a crash, a few.",
    "",
    "lane",
)
LOST: Final = counter(
    "plaudit_records_lost",
    "Records that retention removed before they were read.",
    "Alert on any; publish the events again.",
    "lane",
    "topic",
)
RESET: Final = counter(
    "plaudit_positions_reset",
    "Positions past the end of their log, which is not the log that was read before.",
    "Alert on any; see the runbook.",
    "lane",
    "topic",
)
METADATA_IGNORED: Final = counter(
    "plaudit_commit_metadata_ignored",
    "Partitions taken over with foreign commit metadata; the worker repeats some deliveries.",
    "",
    "lane",
)
READ: Final = counter("plaudit_records_read", "Records handed to the event loop.", "", "lane")
FANNED_OUT: Final = counter(
    "plaudit_fanned_out", "Deliveries of wide events that went to deliveries.now.", "", "lane"
)
DELIVERIES_IN_HAND: Final = gauge(
    "plaudit_deliveries_in_hand", "Deliveries waiting for a slot or on the wire.", "", "lane"
)
RECORDS_IN_HAND: Final = gauge(
    "plaudit_records_in_hand",
    "Records read and not finished.",
    "At its limit, the lane is short of workers.",
    "lane",
    unit="records",
)
DUE_RECORDS: Final = gauge(
    "plaudit_due_records",
    "Records of this worker's partitions that could be delivered now, and are not finished.",
    "Scale the lane on the sum over its workers.",
    "lane",
    unit="records",
)
DUE_SECONDS: Final = gauge(
    "plaudit_due_seconds",
    "How long the oldest of these records has been due.",
    "Alert if it grows.",
    "lane",
    unit="seconds",
)
STRANDED: Final = gauge(
    "plaudit_records_stranded",
    "Records that a defect lost, started again and not finished yet.",
    "Alert on any; report the defect.",
    "lane",
    unit="records",
)
ASSIGNED: Final = gauge(
    "plaudit_partitions_assigned",
    "Partitions that this worker holds.",
    "If the sum over all workers is 0, the lane stands still.",
    "lane",
)
WAITING: Final = gauge(
    "plaudit_partitions_waiting",
    "Partitions that stand still at a record (see `plaudit_partition_blocked_seconds`) or wait "
    "for the table of endpoints.",
    "Alert when it lasts.",
    "lane",
)
FLOODED: Final = gauge(
    "plaudit_partitions_flooded",
    "Partitions paused because most of their records were not events.",
    "Alert on any; find the producer.",
    "lane",
)
LATE: Final = gauge(
    "plaudit_late_seconds",
    "How late the lane is: its latest record, or one that is due and stands in a partition "
    "that waits.",
    "Over 1 s the lane is short of workers, or blocked.",
    "lane",
    unit="seconds",
)
HEAVIEST_SETTLED: Final = gauge(
    "plaudit_heaviest_workspace_deliveries",
    "Deliveries settled in the last full minute, for the ten workspaces with the most.",
    "Compare with the workspace's quotas.",
    "lane",
    "workspace",
)
HEAVIEST_WAITING: Final = gauge(
    "plaudit_heaviest_workspace_waiting",
    "Deliveries in hand at the end of the last full minute, for the ten workspaces with the most.",
    "Look for endpoints of that workspace that are slow.",
    "lane",
    "workspace",
)
PER_LANE: Final[tuple[MetricSpec, ...]] = (
    SETTLED,
    ATTEMPTS,
    DIVERTED,
    EVICTED,
    CIRCUITS_OPEN,
    SLOW,
    QUEUE_LONGEST,
    LANE_FILL,
    LANE_FILL_RATIO,
    CROWDED,
    UNDECODABLE,
    UNMATCHED,
    REPEATED,
    LOST,
    RESET,
    METADATA_IGNORED,
    READ,
    FANNED_OUT,
    DELIVERIES_IN_HAND,
    RECORDS_IN_HAND,
    DUE_RECORDS,
    DUE_SECONDS,
    STRANDED,
    ASSIGNED,
    WAITING,
    FLOODED,
    LATE,
    HEAVIEST_SETTLED,
    HEAVIEST_WAITING,
)

DURATIONS: Final = histogram(
    "plaudit_attempt_duration_seconds",
    "How long HTTP attempts took.",
    "",
    "lane",
    buckets=BUCKETS_S,
)
BLOCKED: Final = gauge(
    "plaudit_partition_blocked_seconds",
    "How long a partition has stood still; no sample while none does.",
    "Alert over 60 s; `plaudit status` says why.",
    "lane",
    "topic",
    "partition",
    unit="seconds",
)
SETTLE_BACKLOG: Final = gauge(
    "plaudit_settle_backlog",
    "Writes to Kafka that failed or found the buffer full.",
    "Alert; the log names the topic and the cause.",
)
SETTLE_SILENT: Final = gauge(
    "plaudit_settle_silent_seconds",
    "How long the brokers have acknowledged none of the writes that wait.",
    "Over 30 s, repair the brokers: the worker starts no attempts meanwhile.",
    unit="seconds",
)
WRITES_REFUSED: Final = counter(
    "plaudit_writes_refused",
    "Writes that Kafka permanently refused, kept as dead letters.",
    "Alert on any.",
)
DEFECTS: Final = counter(
    "plaudit_defects",
    "Defects of the worker's own code, by stage.",
    "Alert on any; the log has the traceback.",
    "stage",
)
ENDPOINTS: Final = gauge("plaudit_endpoints", "Endpoints in the table, disabled ones included.")
UNREADABLE: Final = gauge(
    "plaudit_endpoints_unreadable",
    "Endpoints that can't be opened: a wrong key, or damage.",
    "Alert on any; correct `PLAUDIT_SECRET_KEY`.",
)
UNBOUND: Final = gauge(
    "plaudit_endpoints_unbound",
    "Endpoints whose record has no seal.",
    "`plaudit endpoints reseal` adds it.",
)
FORGED: Final = counter(
    "plaudit_endpoint_records_forged",
    "Endpoint records that the worker refused, because their seal does not match.",
    "Alert on any: who can write to the topic?",
)
COSTLY: Final = gauge(
    "plaudit_filters_too_costly",
    "Endpoints whose filter accepted an event because evaluating it would cost too much.",
)
FINDINGS: Final = counter(
    "plaudit_health_findings",
    "Findings about endpoints: sent to other workers, received from them, or refused because no "
    "worker writes such a record.",
    "`refused` rises: who can write to the topic `health`?",
    "way",
)
LOOP_LATE: Final = gauge(
    "plaudit_loop_late_seconds",
    "How late the event loop runs.",
    "Over 0.1 s the worker is short of CPU.",
    unit="seconds",
)
TABLE_AGE: Final = gauge(
    "plaudit_endpoints_age_seconds",
    "How long ago the table of endpoints was known to be complete.",
    "Over 10 s, check whether the brokers answer.",
    unit="seconds",
)
CLOCK_SKEW: Final = gauge(
    "plaudit_clock_skew_seconds",
    "How far the brokers' clock is ahead of this machine's; retries follow the brokers'.",
    "Synchronize the clock over 300 s.",
    unit="seconds",
)
PER_WORKER: Final[tuple[MetricSpec, ...]] = (
    DURATIONS,
    BLOCKED,
    SETTLE_BACKLOG,
    SETTLE_SILENT,
    WRITES_REFUSED,
    DEFECTS,
    ENDPOINTS,
    UNREADABLE,
    UNBOUND,
    FORGED,
    COSTLY,
    FINDINGS,
    LOOP_LATE,
    TABLE_AGE,
    CLOCK_SKEW,
)

RUNNING: Final = gauge(
    "plaudit_workers_running", "Worker processes that run and serve their health."
)
RESTARTS: Final = counter(
    "plaudit_worker_restarts",
    "Restarts of a worker that ended by itself.",
    "Alert on any; the log has its exit code.",
    "worker",
)
PER_SUPERVISOR: Final[tuple[MetricSpec, ...]] = (RUNNING, RESTARTS)
