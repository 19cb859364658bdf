"""Dashboard of one workspace or endpoint, from the REST API's statistics."""

from __future__ import annotations

from typing import Final

from plaudit.cli.docs.monitoring.panel import ApiQuery, Dashboard, Panel, PromQuery, Row

_STATS: Final = (
    "/v1/stats?resolution=minute&${scope:raw}&since=${__from:date:iso}&until=${__to:date:iso}"
)
_LATEST: Final = "/v1/deliveries?${scope:raw}&since=${__from:date:iso}"
_START: Final = ("start", "time", "timestamp")
TENANT: Final = Dashboard(
    "plaudit-tenant",
    "Plaudit: workspace or endpoint",
    (
        Row(
            "From the REST API's statistics",
            (
                Panel(
                    "Attempts",
                    "Attempts per minute of the workspace, or of one endpoint.",
                    "short",
                    (
                        ApiQuery(
                            _STATS,
                            (
                                _START,
                                ("delivered", "delivered", "number"),
                                ("failed", "failed", "number"),
                                ("diverted", "diverted", "number"),
                                ("dead", "given up", "number"),
                            ),
                        ),
                    ),
                    width=12,
                ),
                Panel(
                    "Duration",
                    "Percentiles of the attempts' durations.",
                    "ms",
                    (
                        ApiQuery(
                            _STATS,
                            (
                                _START,
                                ("p50_ms", "p50", "number"),
                                ("p95_ms", "p95", "number"),
                                ("p99_ms", "p99", "number"),
                            ),
                        ),
                    ),
                    width=12,
                ),
                Panel(
                    "Success rate",
                    "Share of the attempts that were answered 2xx.",
                    "percentunit",
                    (ApiQuery(_STATS, (_START, ("success_rate", "success", "number"))),),
                    width=12,
                ),
                Panel(
                    "Latest deliveries",
                    "Deliveries of the chosen time, newest first.",
                    "none",
                    (
                        ApiQuery(
                            _LATEST,
                            (
                                ("id", "delivery", "string"),
                                ("event_type", "type", "string"),
                                ("state", "state", "string"),
                                ("number", "attempts", "number"),
                                ("status", "status", "number"),
                            ),
                        ),
                    ),
                    kind="table",
                    width=12,
                ),
            ),
        ),
        Row(
            "From the workers",
            (
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
                    width=12,
                ),
                Panel(
                    "Heaviest in hand",
                    "The ten workspaces with the most deliveries that wait in workers.",
                    "short",
                    (
                        PromQuery(
                            "topk(10, sum by (workspace) (plaudit_heaviest_workspace_waiting))",
                            "{{workspace}}",
                        ),
                    ),
                    width=12,
                ),
            ),
        ),
    ),
    inputs=(("scope", "workspace_id=… or endpoint_id=…"),),
    uses_api=True,
)
