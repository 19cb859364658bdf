"""Table of all pages: path, section, and the functions that answer."""

from __future__ import annotations

from typing import Final

from plaudit.console.asking import CONSOLE, Page
from plaudit.console.pages import (
    catalogue,
    deliveries,
    delivery,
    endpoint,
    endpoints,
    overview,
    search,
    trace,
)

_ONE: Final = "/endpoints/{id}"

PAGES: Final = (
    Page("", "overview", overview.show),
    Page("/lanes", "overview", overview.show_lanes, faces=CONSOLE, operators=True),
    Page("/search", "deliveries", search.show),
    Page("/endpoints", "endpoints", endpoints.show),
    Page("/endpoints/new", "endpoints", endpoints.show_new, endpoints.create),
    Page("/endpoints/check", "endpoints", None, endpoints.check),
    Page(_ONE, "endpoints", endpoint.show),
    Page(f"{_ONE}/edit", "endpoints", endpoints.show_edit, endpoints.change),
    Page(f"{_ONE}/test", "endpoints", None, endpoint.test),
    Page(f"{_ONE}/rotate", "endpoints", None, endpoint.rotate),
    Page(f"{_ONE}/enable", "endpoints", None, endpoint.enable),
    Page(f"{_ONE}/disable", "endpoints", None, endpoint.disable),
    Page(f"{_ONE}/remove", "endpoints", endpoint.show_removal, endpoint.remove),
    Page("/deliveries", "deliveries", deliveries.show),
    Page("/deliveries/new", "deliveries", deliveries.news),
    Page("/deliveries/retry", "deliveries", deliveries.ask_retry, deliveries.retry),
    Page("/deliveries/{id}", "deliveries", delivery.show),
    Page("/deliveries/{id}/request", "deliveries", delivery.show_request),
    Page("/deliveries/{id}/retry", "deliveries", None, delivery.retry),
    Page("/trace/{id}", "deliveries", trace.show),
    Page("/events", "events", catalogue.show),
    Page("/events/{name}", "events", catalogue.show_type, catalogue.send),
)
