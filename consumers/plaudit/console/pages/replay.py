"""Replay of the events of a time range to one endpoint, as a job."""

from __future__ import annotations

from typing import Any, Final

from plaudit.api.problems import Refused
from plaudit.console.asking import Answer, Ask, Shown
from plaudit.console.pages.jobs import bounds_of, ordered
from plaudit.console.pages.labels import choices, owned
from plaudit.events.catalogue import CATALOGUE

AGES: Final = ("15m", "1h", "6h", "24h", "7d")


def show(ask: Ask) -> Answer:
    """Show the form of a replay, with values from the address."""
    ask.viewer.caller.check_writes()
    values = {
        "endpoints": choices(ask),
        "types": list(CATALOGUE),
        "ages": AGES,
        "given": {name: ask.asked(name) or "" for name in ("endpoint", "since", "until", "type")},
    }
    return Shown("replay.html", values)


def order(ask: Ask) -> Answer:
    """Queue a dry run of a replay."""
    params: dict[str, Any] = {
        "kind": "replay",
        "endpoint_id": ask.given("endpoint"),
        "since": ask.given("from") or ask.given("since") or "1h",
        "until": ask.given("until"),
        "types": list(ask.all_given("types")),
        "again": ask.given("again") is not None,
        **bounds_of(ask),
    }
    return ordered(ask, params, None, dry_run=True)


def recover(ask: Ask) -> Answer:
    """Queue a dry run of a recovery; the endpoint must be enabled."""
    endpoint = owned(ask, ask.at["id"])
    if endpoint.status != "active":
        if ask.given("enable") is None:
            raise Refused(409, "enable the endpoint first", field="enable")
        ask.services.api.endpoints.enable(endpoint.endpoint_id)
    params = {
        "kind": "recovery",
        "endpoint_id": endpoint.endpoint_id,
        "rate": bounds_of(ask)["rate"],
    }
    return ordered(ask, params, endpoint.workspace_id, dry_run=True)
