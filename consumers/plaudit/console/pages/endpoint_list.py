"""List of endpoints with their health: a page of them, those in trouble, or those of a search."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from plaudit.api.problems import Refused
from plaudit.console.asking import Answer, Ask, Shown
from plaudit.console.pages.labels import Label, label_of
from plaudit.console.views.words import DAY_MS, Mark, endpoint_mark
from plaudit.records.explanations import explain
from plaudit.store.endpoints.rows import StoredEndpoint
from plaudit.store.log.health import Health
from plaudit.store.log.overview import Trouble
from plaudit.store.log.stats import Hour

MOST_ROWS: Final = 100
MOST_TROUBLED: Final = 25
"""Endpoints in trouble above the first page."""
TROUBLE: Final = "trouble"
"""State of the list of endpoints in trouble alone."""
_NONE: Final[Mapping[str, StoredEndpoint]] = MappingProxyType({})
_ORDER: Final = {"disabled": 0, "failing": 1, "active": 2}
_CURSOR: Final = re.compile(r"\d{1,18}\.[0-9a-f-]{36}", re.ASCII)


def show(ask: Ask) -> Answer:
    """Show a page of endpoints: those in trouble first, the others in order of creation."""
    q, state = ask.asked("q"), ask.asked("state")
    most = MOST_ROWS if state == TROUBLE else MOST_TROUBLED
    if q is not None or ask.asked("cursor") is not None:
        most = 0  # this page does not begin with those in trouble
    counts = ask.services.log.endpoint_counts(ask.viewer.workspace_id, most)
    values: dict[str, Any] = {
        "all": counts.every,
        "troubles": counts.troubled,
        "q": q or "",
        "is_trouble": state == TROUBLE,
        "trouble_url": ask.url("/endpoints", state=TROUBLE),
    }
    if q is not None:
        return Shown("endpoints.html", values | _found(ask, q))
    if state == TROUBLE:
        return Shown("endpoints.html", values | _troubled(ask, counts.first))
    first = [each.endpoint_id for each in counts.first]
    return Shown("endpoints.html", values | _page(ask, first))


def _found(ask: Ask, text: str) -> dict[str, Any]:
    found = ask.services.index.find(text, text, ask.viewer.workspace_id)
    rows = rows_of(ask, [each.endpoint_id for each in found[:MOST_ROWS]], ask.now_ms - DAY_MS)
    return {"rows": sorted(rows, key=_rank), "found": len(found), "more": None}


def _troubled(ask: Ask, first: Sequence[Trouble]) -> dict[str, Any]:
    """Return a page of endpoints in trouble; the caller has read the first one."""
    place, found = _place(ask.asked("cursor")), first
    if place is not None:
        found = ask.services.log.troubled(ask.viewer.workspace_id, MOST_ROWS, Trouble(*place))
    more = None
    if len(found) == MOST_ROWS:
        cursor = f"{found[-1].since}.{found[-1].endpoint_id}"
        more = ask.url("/endpoints", state=TROUBLE, cursor=cursor)
    ids = [each.endpoint_id for each in found]
    return {"rows": rows_of(ask, ids, ask.now_ms - DAY_MS), "more": more}


def _page(ask: Ask, first: Sequence[str]) -> dict[str, Any]:
    """Return a page in order of creation; the first one begins with endpoints in trouble."""
    place, mine = _place(ask.asked("cursor")), ask.viewer.workspace_id
    page = ask.services.api.endpoints.page(mine, MOST_ROWS + 1, place)
    known = {each.endpoint_id: each for each in page[:MOST_ROWS]}
    more = None
    if len(page) > MOST_ROWS:
        last = page[MOST_ROWS - 1]
        more = ask.url("/endpoints", cursor=f"{last.created_at}.{last.endpoint_id}")
    since_ms = ask.now_ms - DAY_MS
    if place is not None:
        return {"rows": rows_of(ask, list(known), since_ms, known), "more": more}
    rows = rows_of(ask, list(dict.fromkeys([*first, *known])), since_ms, known)
    # All endpoints on one page are easier to find by name.
    return {"rows": rows if more else sorted(rows, key=_rank), "more": more}


def _rank(row: dict[str, Any]) -> tuple[int, str]:
    return _ORDER[row["mark"].word], row["label"].name.lower()


def _place(cursor: str | None) -> tuple[int, str] | None:
    """Return the place after which a page begins.

    Raises:
        Refused: the text is not a cursor.
    """
    if cursor is None:
        return None
    if _CURSOR.fullmatch(cursor) is None:
        raise Refused(422, "not a cursor: take the link of the page before", field="cursor")
    moment, _, endpoint_id = cursor.partition(".")
    return int(moment), endpoint_id


def rows_of(
    ask: Ask,
    endpoint_ids: Sequence[str],
    since_ms: int,
    known: Mapping[str, StoredEndpoint] = _NONE,
) -> list[dict[str, Any]]:
    """Return endpoints as rows of a table, in the given order; deleted ones are left out.

    Args:
        ask: the request.
        endpoint_ids: ids of the endpoints.
        since_ms: start of the time whose deliveries are counted, epoch milliseconds.
        known: those that were read before, by id.
    """
    unread = [each for each in endpoint_ids if each not in known]
    endpoints = {**known, **ask.services.api.endpoints.find_many(unread)}
    healths = ask.services.log.health_by_endpoint(endpoint_ids)
    sums = ask.services.log.sums(endpoint_ids, since_ms)
    return [
        row_of(ask, endpoints[each], healths.get(each), sums.get(each))
        for each in endpoint_ids
        if each in endpoints
    ]


def row_of(
    ask: Ask, endpoint: StoredEndpoint, health: Health | None, hour: Hour | None
) -> dict[str, Any]:
    """Return an endpoint as a row of a table."""
    known = health or Health(endpoint.endpoint_id, endpoint.workspace_id)
    counted = (hour or Hour(0)).plain()
    label: Label = label_of(ask, endpoint)
    mark: Mark = endpoint_mark(endpoint, known.failure_streak)
    # How the endpoint answers says more than that the schedule of a delivery has ended.
    reason = None if known.last_reason == "exhausted" and known.last_status else known.last_reason
    told = explain(reason, known.last_status) if known.failure_streak else None
    return {
        "url": ask.url(f"/endpoints/{endpoint.endpoint_id}"),
        "endpoint": endpoint,
        "label": label,
        "mark": mark,
        "health": known,
        "rate": counted["success_rate"],
        "p95_ms": counted["p95_ms"],
        "tried": counted["delivered"] + counted["failed"],
        "told": told,
    }
