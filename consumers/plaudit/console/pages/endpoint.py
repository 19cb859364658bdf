"""Page of an endpoint: its health, its charts and its actions."""

from __future__ import annotations

import asyncio
from typing import Any, Final

from plaudit.api.auth import check_workspace
from plaudit.api.problems import Refused
from plaudit.console.asking import Answer, Ask, Redirected, Shown
from plaudit.console.pages.deliveries import rows
from plaudit.console.pages.delivery import pretty
from plaudit.console.pages.endpoint_list import row_of
from plaudit.console.pages.endpoints import shown_url
from plaudit.console.pages.labels import label_of, owned
from plaudit.console.views.charts import RANGES, chart, range_of
from plaudit.console.views.words import HOUR_MS
from plaudit.control.testing import send_test
from plaudit.events.catalogue import CATALOGUE
from plaudit.store.endpoints.rows import StoredEndpoint
from plaudit.store.endpoints.warnings import warnings_for
from plaudit.store.log.query import Query

OVERLAPS: Final = {"0": "at once", "1": "for an hour", "24": "for a day", "168": "for a week"}
RECENT: Final = 10


def show(ask: Ask) -> Answer:
    """Show an endpoint."""
    endpoint = owned(ask, ask.at["id"])
    asked = range_of(ask.asked("range"))
    span = RANGES[asked]
    since = ask.now_ms - span.length_ms
    log, endpoint_id = ask.services.log, endpoint.endpoint_id
    health = log.health_by_endpoint([endpoint_id]).get(endpoint_id)
    sums = log.sums([endpoint_id], since).get(endpoint_id)
    wanted = ask.services.api.endpoints.spec_of(endpoint)
    recent = log.page(Query(endpoint.workspace_id, endpoint_id), limit=RECENT)
    values = {
        **row_of(ask, endpoint, health, sums),
        "address": shown_url(ask, wanted.url),
        "wanted": wanted,
        "header_names": sorted(wanted.headers),
        "range": asked,
        "ranges": list(RANGES),
        "chart": chart(
            log.series(span.resolution, endpoint.workspace_id, endpoint_id, since, ask.now_ms), span
        ),
        "health24": log.health(endpoint_id, since),
        "warnings": warnings_for(wanted),
        "recent": rows(ask, recent.deliveries),
        "types": endpoint.event_types or tuple(CATALOGUE),
        "overlaps": OVERLAPS,
        "url_deliveries": ask.url("/deliveries", endpoint=endpoint_id),
    }
    return Shown("endpoint.html", values)


async def test(ask: Ask) -> Answer:
    """Send an example now, and show the response."""
    api = ask.services.api
    endpoint = await asyncio.to_thread(owned, ask, ask.at["id"])
    check_workspace(api.quotas.tests, endpoint.workspace_id)
    event_type = ask.given("type") or "testimonial.submitted"
    tested = await send_test(endpoint, event_type, api.secrets, await api.sender.sender())
    label = await asyncio.to_thread(label_of, ask, endpoint)
    values = {
        "tested": tested,
        "label": label,
        "endpoint": endpoint,
        "body": pretty(tested.body.encode()),
        "total_ms": tested.attempted.outcome.timings.total_ms,
    }
    return Shown("tested.html", values)


def rotate(ask: Ask) -> Answer:
    """Create a new secret; show it only once."""
    endpoint = owned(ask, ask.at["id"])
    overlap = ask.given("overlap") or "24"
    if overlap not in OVERLAPS:
        raise Refused(422, "choose one of the offered times", field="overlap")
    written = ask.services.api.endpoints.rotate_secret(endpoint.endpoint_id, int(overlap) * HOUR_MS)
    values: dict[str, Any] = {"label": label_of(ask, endpoint), "endpoint": endpoint}
    told = OVERLAPS[overlap] if int(overlap) else None
    return Shown(
        "secret.html", {**values, "secret": written.secret, "is_new": False, "overlap": told}
    )


def enable(ask: Ask) -> Answer:
    """Enable an endpoint from now on."""
    endpoint = owned(ask, ask.at["id"])
    ask.services.api.endpoints.enable(endpoint.endpoint_id)
    return _back(ask, endpoint, "enabled")


def disable(ask: Ask) -> Answer:
    """Disable an endpoint."""
    endpoint = owned(ask, ask.at["id"])
    reason = (ask.given("reason") or "in the console")[:400]
    ask.services.api.endpoints.disable(endpoint.endpoint_id, reason)
    return _back(ask, endpoint, "disabled")


def show_removal(ask: Ask) -> Answer:
    """Ask for confirmation of a removal, with its consequences."""
    endpoint = owned(ask, ask.at["id"])
    ask.viewer.caller.check_writes()
    return _removal(ask, endpoint, None)


def remove(ask: Ask) -> Answer:
    """Delete an endpoint if the viewer typed its name."""
    endpoint = owned(ask, ask.at["id"])
    if ask.given("confirm") != label_of(ask, endpoint).name:
        return _removal(ask, endpoint, "This is not the endpoint's name.")
    ask.services.api.endpoints.remove(endpoint.endpoint_id)
    return Redirected(ask.url("/endpoints", done="removed"))


def _removal(ask: Ask, endpoint: StoredEndpoint, problem: str | None) -> Answer:
    values = {"label": label_of(ask, endpoint), "endpoint": endpoint, "problem": problem}
    return Shown("endpoint_remove.html", values, 200 if problem is None else 422)


def _back(ask: Ask, endpoint: StoredEndpoint, done: str) -> Answer:
    return Redirected(ask.url(f"/endpoints/{endpoint.endpoint_id}", done=done))
