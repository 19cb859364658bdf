"""Dashboard of the service: deliveries, lateness, and what needs an operator."""

from __future__ import annotations

from typing import Final

from plaudit.cli.docs.monitoring.panel import Dashboard, Panel, PromQuery, Row
from plaudit.cli.docs.monitoring.queries import RATE, percentile, rate

_DURATION: Final = "plaudit_attempt_duration_seconds"
_REQUEST: Final = "plaudit_api_request_duration_seconds"

SERVICE: Final = Dashboard(
    "plaudit-service",
    "Plaudit: service",
    (
        Row(
            "Deliveries",
            (
                Panel(
                    "Settled deliveries",
                    "Deliveries by outcome. `retrying` and `diverted` are delivered later; look at "
                    "`dead`.",
                    "ops",
                    (rate("plaudit_deliveries_settled_total", "outcome", "{{outcome}}"),),
                ),
                Panel(
                    "Attempts",
                    "HTTP attempts by class of status or code of error. Errors at many endpoints "
                    "point to this network.",
                    "ops",
                    (rate("plaudit_attempts_total", "result", "{{result}}"),),
                ),
                Panel(
                    "Attempts that fail",
                    "The objective allows 5 % over 30 days.",
                    "percentunit",
                    (
                        PromQuery("plaudit:attempts_failed:ratio_rate5m", "5 min"),
                        PromQuery("plaudit:attempts_failed:ratio_rate1h", "1 h"),
                        PromQuery("plaudit:attempts_failed:ratio_rate6h", "6 h"),
                    ),
                ),
                Panel(
                    "Duration of attempts",
                    "How long endpoints take to answer.",
                    "s",
                    (
                        percentile(_DURATION, 0.5, "lane", "p50 {{lane}}"),
                        percentile(_DURATION, 0.95, "lane", "p95 {{lane}}"),
                        percentile(_DURATION, 0.99, "lane", "p99 {{lane}}"),
                    ),
                ),
                Panel(
                    "Diversions",
                    "Deliveries that went to a tier without an attempt, by reason.",
                    "ops",
                    (rate("plaudit_deliveries_diverted_total", "reason", "{{reason}}"),),
                ),
                Panel(
                    "Heaviest workspaces",
                    "The ten workspaces with the most deliveries in the last full minute.",
                    "short",
                    (
                        PromQuery(
                            "topk(10, sum by (workspace) (plaudit_heaviest_workspace_deliveries))",
                            "{{workspace}}",
                        ),
                    ),
                ),
            ),
        ),
        Row(
            "Lateness and load",
            (
                Panel(
                    "Late",
                    "How late each lane begins deliveries. Over 1 s for minutes: add workers.",
                    "s",
                    (PromQuery("max by (lane) (plaudit_late_seconds)", "{{lane}}"),),
                ),
                Panel(
                    "Due",
                    "Records that could be delivered now. If they grow, add workers.",
                    "short",
                    (PromQuery("sum by (lane) (plaudit_due_records)", "{{lane}}"),),
                ),
                Panel(
                    "Fill of lanes",
                    "Part of what a lane may have in hand; from 0.8 on, hanging requests are "
                    "cancelled.",
                    "percentunit",
                    (PromQuery("max by (lane) (plaudit_lane_fill_ratio)", "{{lane}}"),),
                ),
                Panel(
                    "Event loops",
                    "How late they run. Over 0.1 s: the worker needs a whole core.",
                    "s",
                    (PromQuery("max by (instance, worker) (plaudit_loop_late_seconds)"),),
                ),
                Panel(
                    "Endpoints",
                    "Endpoints with an open circuit, and slow ones. A few are normal.",
                    "short",
                    (
                        PromQuery("max by (lane) (plaudit_circuits_open)", "open, {{lane}}"),
                        PromQuery("max by (lane) (plaudit_endpoints_slow)", "slow, {{lane}}"),
                        PromQuery("max(plaudit_endpoints)", "all"),
                    ),
                ),
                Panel(
                    "Workers",
                    "Processes by version.",
                    "short",
                    (
                        PromQuery(
                            "count by (process, version, form) (plaudit_build_info)",
                            "{{process}} {{version}} {{form}}",
                        ),
                    ),
                ),
            ),
        ),
        Row(
            "What needs an operator",
            (
                Panel(
                    "Alerts",
                    "Alerts that fire; each has a section of the runbook.",
                    "short",
                    (
                        PromQuery(
                            'count by (alertname, severity) (ALERTS{alertname=~"Plaudit.*",'
                            'alertstate="firing"})',
                            "{{severity}}: {{alertname}}",
                        ),
                    ),
                ),
                Panel(
                    "Defects, refused and forged records",
                    "All should stay 0.",
                    "short",
                    (
                        PromQuery(f"sum(increase(plaudit_defects_total[{RATE}]))", "defects"),
                        PromQuery(
                            f"sum(increase(plaudit_writes_refused_total[{RATE}]))",
                            "refused",
                        ),
                        PromQuery(
                            f"sum(increase(plaudit_endpoint_records_forged_total[{RATE}]))",
                            "forged",
                        ),
                        PromQuery("max(plaudit_endpoints_unreadable)", "endpoints unreadable"),
                        PromQuery("sum(plaudit_records_stranded)", "stranded"),
                    ),
                ),
                Panel(
                    "Until dead letters expire",
                    "Retention removes the oldest dead letter after this time. Treat it before.",
                    "s",
                    (
                        PromQuery(
                            "min by (topic) (plaudit_dead_letters_expire_seconds)", "{{topic}}"
                        ),
                    ),
                ),
            ),
        ),
        Row(
            "Recorder, API and outbox",
            (
                Panel(
                    "Attempts recorded",
                    "New rows of the delivery log.",
                    "ops",
                    (PromQuery(f"sum(rate(plaudit_recorder_written_total[{RATE}]))", "written"),),
                ),
                Panel(
                    "Requests to the API",
                    "Requests by status.",
                    "reqps",
                    (rate(f"{_REQUEST}_count", "status", "{{status}}"),),
                ),
                Panel(
                    "Duration of requests",
                    "95th percentile by route.",
                    "s",
                    (percentile(_REQUEST, 0.95, "route", "{{route}}"),),
                ),
                Panel(
                    "Outbox",
                    "Age of the oldest row that waits. Over 60 s: the relay stands still.",
                    "s",
                    (PromQuery("max(plaudit_outbox_oldest_seconds)", "oldest row"),),
                ),
            ),
        ),
    ),
)
