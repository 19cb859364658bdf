"""Table of all pages: path, section, and the functions that answer."""

from __future__ import annotations

from typing import Final

from plaudit.console.asking import CONSOLE, SitePage
from plaudit.console.pages import (
    administration,
    catalogue,
    dead_letters,
    deliveries,
    delivery,
    endpoint,
    endpoint_list,
    endpoints,
    jobs,
    overview,
    replay,
    search,
    trace,
)

_ONE: Final = "/endpoints/{id}"

PAGES: Final = (
    SitePage("", "overview", overview.show),
    SitePage("/lanes", "overview", overview.show_lanes, web_apps=CONSOLE, operators=True),
    SitePage("/search", "deliveries", search.show),
    SitePage("/endpoints", "endpoints", endpoint_list.show),
    SitePage("/endpoints/new", "endpoints", endpoints.show_new, endpoints.create),
    SitePage("/endpoints/check", "endpoints", None, endpoints.check),
    SitePage(_ONE, "endpoints", endpoint.show),
    SitePage(f"{_ONE}/edit", "endpoints", endpoints.show_edit, endpoints.change),
    SitePage(f"{_ONE}/test", "endpoints", None, endpoint.test),
    SitePage(f"{_ONE}/rotate", "endpoints", None, endpoint.rotate),
    SitePage(f"{_ONE}/enable", "endpoints", None, endpoint.enable),
    SitePage(f"{_ONE}/recover", "endpoints", None, replay.recover),
    SitePage(f"{_ONE}/disable", "endpoints", None, endpoint.disable),
    SitePage(f"{_ONE}/remove", "endpoints", endpoint.show_removal, endpoint.remove),
    SitePage("/deliveries", "deliveries", deliveries.show),
    SitePage("/deliveries/new", "deliveries", deliveries.news),
    SitePage("/deliveries/retry", "deliveries", deliveries.ask_retry, deliveries.retry),
    SitePage("/deliveries/{id}", "deliveries", delivery.show),
    SitePage("/deliveries/{id}/request", "deliveries", delivery.show_request),
    SitePage("/deliveries/{id}/retry", "deliveries", None, delivery.retry),
    SitePage("/dead-letters", "dead-letters", dead_letters.show, dead_letters.order),
    SitePage("/dead-letters/export", "dead-letters", dead_letters.export),
    SitePage("/dead-letters/{id}", "dead-letters", dead_letters.show_one),
    SitePage("/trace/{id}", "deliveries", trace.show),
    SitePage("/jobs", "jobs", jobs.show),
    SitePage("/jobs/{id}", "jobs", jobs.show_one),
    SitePage("/jobs/{id}/events", "jobs", jobs.follow),
    SitePage("/jobs/{id}/letters", "jobs", dead_letters.export_of_job),
    SitePage("/jobs/{id}/cancel", "jobs", None, jobs.cancel),
    SitePage("/jobs/{id}/run", "jobs", None, jobs.run),
    SitePage("/replay", "jobs", replay.show, replay.order),
    SitePage("/settings", "settings", administration.show),
    SitePage(
        "/settings/keys",
        "settings",
        administration.show_keys,
        administration.create,
        web_apps=CONSOLE,
    ),
    SitePage("/settings/keys/{id}", "settings", None, administration.revoke_key, web_apps=CONSOLE),
    SitePage(
        "/settings/sessions", "settings", administration.show_sessions, administration.end_sessions
    ),
    SitePage("/settings/sessions/{id}", "settings", None, administration.revoke_session),
    SitePage(
        "/settings/notices", "settings", administration.show_notices, administration.change_notices
    ),
    SitePage("/settings/audit", "settings", administration.show_audit),
    SitePage("/events", "events", catalogue.show),
    SitePage("/events/{name}", "events", catalogue.show_type, catalogue.send),
)
