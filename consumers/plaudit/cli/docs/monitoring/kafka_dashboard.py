"""Dashboard of Kafka, as the clients see it."""

from __future__ import annotations

from typing import Final

from plaudit.cli.docs.monitoring.panel import Dashboard, Panel, PromQuery, Row
from plaudit.cli.docs.monitoring.queries import RATE, rate

KAFKA: Final = Dashboard(
    "plaudit-kafka",
    "Plaudit: Kafka",
    (
        Row(
            "Lag",
            (
                Panel(
                    "Seconds behind",
                    "How long the oldest due record of a topic has been due. 0 in normal times.",
                    "s",
                    (
                        PromQuery(
                            "max by (group, topic) (plaudit_consumer_lag_seconds)",
                            "{{group}} {{topic}}",
                        ),
                    ),
                    width=12,
                ),
                Panel(
                    "Records behind",
                    "Unfinished records, parked retries included. Not a measure of work in "
                    "`deliveries.*`.",
                    "short",
                    (
                        PromQuery(
                            "sum by (group, topic) (plaudit_consumer_lag_records)",
                            "{{group}} {{topic}}",
                        ),
                    ),
                    width=12,
                ),
                Panel(
                    "Blocked partitions",
                    "How long a partition has stood still. Empty in normal times.",
                    "s",
                    (
                        PromQuery(
                            "max by (topic, partition) (plaudit_partition_blocked_seconds)",
                            "{{topic}}[{{partition}}]",
                        ),
                    ),
                    width=12,
                ),
                Panel(
                    "Partitions that wait or are paused",
                    "Partitions that stand still, that are flooded, or that are crowded.",
                    "short",
                    (
                        PromQuery("sum(plaudit_partitions_waiting)", "wait"),
                        PromQuery(
                            "sum by (lane) (plaudit_partitions_flooded)", "flooded, {{lane}}"
                        ),
                        PromQuery(
                            "sum by (lane) (plaudit_partitions_crowded)", "crowded, {{lane}}"
                        ),
                    ),
                    width=12,
                ),
            ),
        ),
        Row(
            "Groups",
            (
                Panel(
                    "Partitions of each worker",
                    "A rebalance moves them. A lane without any stands still.",
                    "short",
                    (
                        PromQuery(
                            "sum by (lane, instance, worker) (plaudit_partitions_assigned)",
                            "{{lane}} {{instance}} {{worker}}",
                        ),
                    ),
                    width=12,
                ),
                Panel(
                    "Records read",
                    "Records handed to the event loops.",
                    "ops",
                    (rate("plaudit_records_read_total", "lane", "{{lane}}"),),
                    width=12,
                ),
            ),
        ),
        Row(
            "Brokers, as the clients see them",
            (
                Panel(
                    "Writes that wait",
                    "Writes that failed or found the buffer full. Over 0: too few replicas in "
                    "sync, a full disk, or a missing right.",
                    "short",
                    (PromQuery("sum(plaudit_settle_backlog)", "writes"),),
                ),
                Panel(
                    "Age of the table of endpoints",
                    "Over 10 s: the brokers don't answer.",
                    "s",
                    (PromQuery("max by (instance, worker) (plaudit_endpoints_age_seconds)"),),
                ),
                Panel(
                    "Clock skew",
                    "Brokers' clock minus the worker's.",
                    "s",
                    (PromQuery("max(abs(plaudit_clock_skew_seconds))", "most"),),
                ),
                Panel(
                    "Lost records and reset positions",
                    "Both should stay 0.",
                    "short",
                    (
                        PromQuery(f"sum(increase(plaudit_records_lost_total[{RATE}]))", "lost"),
                        PromQuery(f"sum(increase(plaudit_positions_reset_total[{RATE}]))", "reset"),
                    ),
                ),
                Panel(
                    "Records that are not events",
                    "By reason. Each is a producer's mistake.",
                    "short",
                    (
                        PromQuery(
                            "sum by (reason) "
                            f"(increase(plaudit_records_undecodable_total[{RATE}]))",
                            "{{reason}}",
                        ),
                    ),
                ),
            ),
        ),
    ),
)
