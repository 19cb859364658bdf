"""Alerts of an installation, each with its section of the runbook."""

from __future__ import annotations

from typing import Final

from plaudit.cli.docs.monitoring.alert import Alert, Urgency
from plaudit.cli.docs.monitoring.objectives import OBJECTIVES

PAGE: Final = Urgency.PAGE
TICKET: Final = Urgency.TICKET
SOON_S: Final = 3 * 24 * 3_600
"""Three days: a weekend."""


def _counted(*counters: str) -> str:
    """Return a query for counters that have counted within ten minutes.

    A process counts losses when it starts, before the first scrape. Its new series begins above
    zero then, and `increase` does not see that.
    """
    return " or ".join(
        f"sum(increase({each}[10m])) > 0 or sum({each} unless {each} offset 10m) > 0"
        for each in counters
    )


DATA: Final = (
    Alert(
        "PlauditRecordsLost",
        PAGE,
        _counted("plaudit_records_lost_total", "plaudit_recorder_lost_total"),
        "",
        "retention removed {{ $value | humanize }} records before they were read",
        "Records lost",
    ),
    Alert(
        "PlauditPositionPastEnd",
        PAGE,
        _counted("plaudit_positions_reset_total", "plaudit_recorder_positions_reset_total"),
        "",
        "{{ $value | humanize }} positions were past the end of their log",
        "Position past the end",
    ),
    Alert(
        "PlauditDeadLettersExpire",
        TICKET,
        f"min by (topic) (plaudit_dead_letters_expire_seconds) < {SOON_S}",
        "10m",
        "retention removes dead letters of {{ $labels.topic }} in {{ $value | humanizeDuration }}",
        "Dead letters expire",
    ),
)
WAITING: Final = (
    Alert(
        "PlauditLagGrows",
        PAGE,
        'max by (group, topic) (plaudit_consumer_lag_seconds{group!~".*recorder"}) > 120 '
        "and max by (group, topic) (delta(plaudit_consumer_lag_seconds[10m])) > 0",
        "5m",
        "{{ $labels.group }} is {{ $value | humanizeDuration }} behind in {{ $labels.topic }}",
        "Lag grows",
    ),
    Alert(
        "PlauditPartitionBlocked",
        PAGE,
        "max by (lane, topic, partition) (plaudit_partition_blocked_seconds) > 60",
        "",
        "{{ $labels.topic }}[{{ $labels.partition }}] has stood still for "
        "{{ $value | humanizeDuration }}",
        "Partition blocked",
    ),
    Alert(
        "PlauditPartitionFlooded",
        PAGE,
        "sum by (lane) (plaudit_partitions_flooded) > 0",
        "",
        "{{ $value }} partitions of lane {{ $labels.lane }} are paused: most records can't be read",
        "Flood pause",
    ),
    Alert(
        "PlauditRecordsUndecodable",
        TICKET,
        "sum by (lane, reason) (increase(plaudit_records_undecodable_total[10m])) > 0",
        "",
        "{{ $value | humanize }} records became dead letters: {{ $labels.reason }}",
        "Records undecodable",
    ),
    Alert(
        "PlauditWritesFail",
        PAGE,
        "max(plaudit_settle_backlog) > 0",
        "1m",
        "{{ $value }} writes to Kafka wait to be repeated",
        "Writes fail",
    ),
    # The client repeats a write for two minutes before it fails, and no attempt starts meanwhile.
    Alert(
        "PlauditBrokersSilent",
        PAGE,
        "max(plaudit_settle_silent_seconds) > 30",
        "",
        "the brokers have acknowledged no write for {{ $value | humanizeDuration }}",
        "Brokers away",
    ),
    Alert(
        "PlauditEndpointTableOld",
        PAGE,
        "max(plaudit_endpoints_age_seconds) > 30",
        "1m",
        "a worker last saw the brokers' table of endpoints {{ $value | humanizeDuration }} ago",
        "Endpoint table not current",
    ),
    Alert(
        "PlauditLaneWithoutWorker",
        PAGE,
        "sum by (lane) (plaudit_partitions_assigned) == 0 "
        'or absent(plaudit_partitions_assigned{lane="events"}) '
        'or absent(plaudit_partitions_assigned{lane="deliveries"})',
        "2m",
        "no worker holds partitions of lane {{ $labels.lane }}",
        "Lane without worker",
    ),
    # One dead endpoint of a quiet installation may be all failures, so three circuits have to open.
    # The objective's alerts come later: an open circuit stops attempts, and with them the budget.
    Alert(
        "PlauditMostAttemptsFail",
        PAGE,
        "plaudit:attempts_failed:ratio_rate5m > 0.5 and on () max(plaudit_circuits_open) >= 3",
        "5m",
        "{{ $value | humanizePercentage }} of attempts failed in the last 5m",
        "Deliveries fail",
    ),
    Alert(
        "PlauditProcessMissing",
        PAGE,
        "count by (process) (last_over_time(plaudit_build_info[1d])) "
        "unless count by (process) (plaudit_build_info)",
        "5m",
        "Prometheus finds no process of `plaudit {{ $labels.process }}`, which ran within a day",
        "Process missing",
    ),
)
SET_UP: Final = (
    Alert(
        "PlauditDefects",
        TICKET,
        "sum by (stage) (increase(plaudit_defects_total[10m])) > 0",
        "",
        "Plaudit's own code raised {{ $value | humanize }} exceptions in stage {{ $labels.stage }}",
        "Defects",
    ),
    Alert(
        "PlauditRecordsStranded",
        PAGE,
        "sum by (lane) (plaudit_records_stranded) > 0",
        "1m",
        "{{ $value }} records of lane {{ $labels.lane }} are not finished although nothing waits",
        "Records stranded",
    ),
    Alert(
        "PlauditEndpointsUnreadable",
        PAGE,
        "max(plaudit_endpoints_unreadable) > 0",
        "1m",
        "a worker can't open {{ $value }} endpoints: compare PLAUDIT_SECRET_KEY",
        "Endpoints unreadable",
    ),
    Alert(
        "PlauditKeyMissing",
        PAGE,
        'max(plaudit_endpoints_sealed{key="missing"}) > 0',
        "1m",
        "a recorder lacks the key of {{ $value }} endpoints: compare PLAUDIT_SECRET_KEY",
        "Key missing",
    ),
    Alert(
        "PlauditResealPending",
        TICKET,
        'min(plaudit_endpoints_sealed{key="other"}) > 0',
        "1d",
        "{{ $value }} endpoints are not sealed with the first key: they would be lost with theirs",
        "Key missing",
    ),
    Alert(
        "PlauditEndpointRecordsForged",
        PAGE,
        "max(increase(plaudit_endpoint_records_forged_total[10m])) > 0",
        "",
        "{{ $value | humanize }} endpoint records had a seal that does not match",
        "Forged endpoint records",
    ),
    Alert(
        "PlauditWritesRefused",
        TICKET,
        "sum(increase(plaudit_writes_refused_total[10m])) > 0",
        "",
        "the brokers permanently refused {{ $value | humanize }} records",
        "Writes refused",
    ),
    Alert(
        "PlauditWorkerRestarts",
        TICKET,
        "sum(increase(plaudit_worker_restarts_total[15m])) > 0",
        "",
        "{{ $value | humanize }} worker processes ended and were started again",
        "Worker restarts",
    ),
    Alert(
        "PlauditWorkerShortOfCpu",
        TICKET,
        "max(plaudit_loop_late_seconds) > 0.1",
        "10m",
        "an event loop runs {{ $value | humanizeDuration }} late",
        "Lane late",
    ),
    Alert(
        "PlauditClockSkew",
        TICKET,
        "max(abs(plaudit_clock_skew_seconds)) > 300",
        "5m",
        "a worker's clock and the brokers' differ by {{ $value | humanizeDuration }}",
        "Clock skew",
    ),
)
OTHERS: Final = (
    Alert(
        "PlauditRecorderWaiting",
        PAGE,
        "max(plaudit_recorder_waiting) == 1",
        "2m",
        "a recorder waits for the database or the brokers",
        "Recorder behind",
    ),
    Alert(
        "PlauditRecorderBehind",
        TICKET,
        'max(plaudit_consumer_lag_seconds{group=~".*recorder"}) > 300',
        "5m",
        "the delivery log is {{ $value | humanizeDuration }} behind",
        "Recorder behind",
    ),
    Alert(
        "PlauditRecorderMissing",
        PAGE,
        "absent(plaudit_recorder_waiting)",
        "5m",
        "Prometheus finds no recorder",
        "Recorder behind",
    ),
    Alert(
        "PlauditAttemptsUnreadable",
        TICKET,
        "sum(increase(plaudit_recorder_unreadable_total[10m])) > 0",
        "",
        "{{ $value | humanize }} records of `attempts` are not attempt records",
        "Recorder behind",
    ),
    Alert(
        "PlauditOutboxStopped",
        PAGE,
        "max(plaudit_outbox_oldest_seconds) > 60 or max(plaudit_outbox_shut_topics) > 0",
        "2m",
        "rows of an outbox are not published",
        "Outbox stopped",
    ),
    Alert(
        "PlauditOutboxRefused",
        TICKET,
        "sum(increase(plaudit_outbox_refused_total[10m])) > 0",
        "",
        "{{ $value | humanize }} rows of an outbox can't be published",
        "Outbox stopped",
    ),
    Alert(
        "PlauditApiErrors",
        PAGE,
        'sum(rate(plaudit_api_request_duration_seconds_count{status=~"5.."}[5m])) '
        "/ sum(rate(plaudit_api_request_duration_seconds_count[5m])) > 0.05",
        "5m",
        "{{ $value | humanizePercentage }} of requests to the API fail",
        "API errors",
    ),
    Alert(
        "PlauditDeliveriesGivenUp",
        TICKET,
        'sum(increase(plaudit_deliveries_settled_total{outcome="dead"}[1h])) '
        '/ sum(increase(plaudit_deliveries_settled_total{outcome=~"delivered|dead"}[1h])) > 0.01',
        "",
        "{{ $value | humanizePercentage }} of the deliveries that ended in the last hour were "
        "given up",
        "Deliveries fail",
    ),
    Alert(
        "PlauditCircuitsOpen",
        TICKET,
        "max(plaudit_circuits_open) / max(plaudit_endpoints) > 0.2 "
        "and max(plaudit_circuits_open) >= 3",
        "10m",
        "the circuits of {{ $value | humanizePercentage }} of the endpoints are open",
        "Circuits open",
    ),
)
ALERTS: Final[tuple[Alert, ...]] = (
    *DATA,
    *(alert for objective in OBJECTIVES for alert in objective.alerts),
    *WAITING,
    *SET_UP,
    *OTHERS,
)
