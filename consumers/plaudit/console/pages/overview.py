"""Overview: success of deliveries, and current problems."""

from __future__ import annotations

from typing import Any, Final

from plaudit.console.asking import Answer, Ask, Shown
from plaudit.console.pages.endpoint_list import rows_of
from plaudit.console.views.charts import RANGES, chart, range_of
from plaudit.console.views.words import percent, plural
from plaudit.control.status import read_status
from plaudit.kafka.errors import KafkaFailure
from plaudit.store.log.stats import Hour

MOST_TROUBLED: Final = 10


def show(ask: Ask) -> Answer:
    """Show the state of the installation, or of the workspace."""
    asked = range_of(ask.asked("range"))
    span = RANGES[asked]
    since = ask.now_ms - span.length_ms
    mine = ask.viewer.workspace_id
    steps = ask.services.log.series(span.resolution, mine, None, since, ask.now_ms)
    counts = ask.services.log.endpoint_counts(mine, MOST_TROUBLED)
    whole = Hour(0)
    for each in steps:
        whole.add(each)
    values = {
        "whole": whole.plain(),
        "chart": chart(steps, span),
        "range": asked,
        "ranges": list(RANGES),
        "url": ask.url("", range=asked),
        "now_ms": ask.now_ms,
        "troubled": rows_of(ask, [each.endpoint_id for each in counts.first], since),
        "troubles": counts.troubled,
        "endpoints": counts.every,
        "verdict": _verdict(whole.plain(), counts.troubled, counts.every),
    }
    return Shown("overview.html", values)


def show_lanes(ask: Ask) -> Answer:
    """Show the lag of both lanes, measured at the brokers."""
    try:
        status = read_status(ask.services.kafka, ask.now_ms)
    except KafkaFailure as failure:
        return Shown("part_lanes.html", {"problem": str(failure), "status": None})
    return Shown("part_lanes.html", {"problem": None, "status": status})


def _verdict(whole: dict[str, Any], troubles: int, endpoints: int) -> str:
    if not endpoints:
        return "No endpoints yet."
    tried = whole["delivered"] + whole["failed"]
    if not tried:
        return "Nothing was sent in this period."
    rate = f"{percent(whole['success_rate'])} of {plural(tried, 'attempt')} succeeded"
    if not troubles:
        return f"Every endpoint works: {rate}."
    needs = "needs" if troubles == 1 else "need"
    return f"{troubles:,} of {plural(endpoints, 'endpoint')} {needs} attention; {rate}."
