"""Deliveries: a list with filters in its address, and a job that retries matching ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Final

from plaudit.api.problems import Refused
from plaudit.console.asking import Answer, Ask, Shown
from plaudit.console.pages.jobs import bounds_of, ordered
from plaudit.console.pages.labels import choices, label_or_deleted, labels_for
from plaudit.console.views.filters import RANGES, WORDS, DeliveryFilter, chips
from plaudit.console.views.words import mark_of
from plaudit.events.catalogue import CATALOGUE
from plaudit.store.log.queries import MOST_COUNTED, MOST_SEARCHED, Attempt
from plaudit.store.log.query import Query

MOST_NEW: Final = 100
SAMPLE: Final = 5


def show(ask: Ask) -> Answer:
    """Show a page of deliveries."""
    wanted = DeliveryFilter.of(ask.asked)
    page = ask.services.log.page(_query(ask, wanted), cursor=ask.asked("cursor"))
    name = None if wanted.endpoint is None else label_or_deleted(ask, wanted.endpoint).name
    older = None
    if page.cursor is not None:
        older = ask.url("/deliveries", **wanted.given, cursor=page.cursor)
    newest = page.deliveries[0].started_at if page.deliveries else ask.now_ms
    values = {
        "rows": rows(ask, page.deliveries),
        "chips": [
            (each.text, ask.url("/deliveries", **each.without))
            for each in chips(wanted.given, name)
        ],
        "wanted": wanted,
        "endpoints": choices(ask),
        "types": list(CATALOGUE),
        "states": list(WORDS),
        "ranges": RANGES,
        "older": older,
        "searched": MOST_SEARCHED,
        "is_first": ask.asked("cursor") is None,
        "newest_url": ask.url("/deliveries", **wanted.given),
        "news_url": ask.url("/deliveries/new", **{**wanted.given, "after": newest + 1}),
        "retry_url": ask.url("/deliveries/retry", **wanted.given),
    }
    return Shown("deliveries.html", values)


def news(ask: Ask) -> Answer:
    """Show the number of deliveries since the newest on the page."""
    wanted, after = DeliveryFilter.of(ask.asked), ask.asked("after") or ""
    if not after.isdigit() or len(after) > 15:  # noqa: PLR2004 - digits of a time
        raise Refused(422, "not a time in milliseconds", field="after")
    fresh = replace(_query(ask, wanted), since_ms=int(after))
    found = ask.services.log.page(fresh, limit=MOST_NEW)
    values = {
        "count": len(found.deliveries),
        "more": found.cursor is not None,
        "url": ask.url("/deliveries", **wanted.given),
        "news_url": ask.url("/deliveries/new", **{**wanted.given, "after": after}),
    }
    return Shown("part_news.html", values)


def ask_retry(ask: Ask) -> Answer:
    """Ask for confirmation of a retry, with the number of deliveries."""
    wanted = _chosen(ask.asked)
    query = _query(ask, wanted)
    count = ask.services.log.count(query)
    name = None if wanted.endpoint is None else label_or_deleted(ask, wanted.endpoint).name
    values = {
        "wanted": wanted,
        "chips": [each.text for each in chips(wanted.given, name)],
        "count": count,
        "more": count >= MOST_COUNTED,
        "sample": rows(ask, ask.services.log.page(query, limit=SAMPLE).deliveries),
        "back": ask.url("/deliveries", **wanted.given),
    }
    return Shown("retry_all.html", values)


def retry(ask: Ask) -> Answer:
    """Queue a job that retries the matching deliveries."""
    wanted = _chosen(ask.given)
    if not wanted.given:
        raise Refused(422, "choose at least one condition, such as an endpoint")
    query = _query(ask, wanted)
    params = {
        "kind": "retry",
        "endpoint_id": query.endpoint_id,
        "event_id": query.event_id,
        "subject": query.subject,
        "event_type": query.event_type,
        "state": query.state,
        "status": None if query.status is None else str(query.status),
        "since": wanted.since,
        "until": wanted.until,
        **bounds_of(ask),
    }
    return ordered(ask, params, None, dry_run=False)


def rows(ask: Ask, deliveries: Sequence[Attempt]) -> list[dict[str, Any]]:
    """Return deliveries as rows of a table."""
    known = labels_for(ask, {each.endpoint_id for each in deliveries})
    return [
        {
            "url": ask.url(f"/deliveries/{each.delivery_id}"),
            "mark": mark_of(each),
            "type": each.event_type,
            "label": known[each.endpoint_id],
            "answer": None if not each.is_http else each.status or "no answer",
            "at_ms": each.started_at,
            "millis": each.total_ms,
            "number": each.number,
        }
        for each in deliveries
    ]


def _chosen(value: Callable[[str], str | None]) -> DeliveryFilter:
    """Return the filter of a job.

    Raises:
        Refused: a job can't count or find the condition.
    """
    wanted = DeliveryFilter.of(value)
    if wanted.error is not None:
        raise Refused(422, "a job can't search in errors; choose other conditions", field="error")
    return wanted


def _query(ask: Ask, wanted: DeliveryFilter) -> Query:
    return wanted.query(ask.viewer.workspace_id, ask.now_ms)
