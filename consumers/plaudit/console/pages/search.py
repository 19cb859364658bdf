"""Search by id, URL, name or event type; a single match is opened at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from plaudit.console.asking import Answer, Ask, Redirected, Shown
from plaudit.events.catalogue import CATALOGUE
from plaudit.store.endpoints.changes import NoSuchEndpoint
from plaudit.store.log.queries import NoSuchDelivery

MOST: Final = 50


@dataclass(frozen=True, slots=True)
class Hit:
    """A result of the search.

    Attributes:
        kind: kind of the result, for people.
    """

    kind: str
    text: str
    url: str


def show(ask: Ask) -> Answer:
    """Show the results, or open the only one."""
    text = ask.asked("q") or ""
    found = _hits(ask, text) if text else []
    if len(found) == 1:
        return Redirected(found[0].url)
    return Shown("search.html", {"q": text, "hits": found[:MOST], "count": len(found)})


def _hits(ask: Ask, text: str) -> list[Hit]:
    try:
        return _of_id(ask, str(UUID(text)))
    except ValueError:
        return _of_text(ask, text.lower())


def _of_id(ask: Ask, some_id: str) -> list[Hit]:
    try:
        ask.services.log.attempts(some_id, ask.viewer.workspace_id)
        return [Hit("delivery", some_id, ask.url(f"/deliveries/{some_id}"))]
    except NoSuchDelivery:
        pass
    try:
        ask.viewer.caller.owns(ask.services.api.endpoints.get(some_id))
        return [Hit("endpoint", some_id, ask.url(f"/endpoints/{some_id}"))]
    except NoSuchEndpoint:
        pass
    if ask.services.log.about(some_id, ask.viewer.workspace_id) or ask.viewer.is_operator:
        return [Hit("event", some_id, ask.url(f"/trace/{some_id}"))]
    return []


def _of_text(ask: Ask, text: str) -> list[Hit]:
    host = text.partition("://")[2].partition("/")[0] or text
    found = [
        Hit("endpoint", f"{each.name} ({each.host})", ask.url(f"/endpoints/{each.endpoint_id}"))
        for each in ask.services.index.find(text, host, ask.viewer.workspace_id)
    ]
    return found + [
        Hit("event type", name, ask.url(f"/events/{name}")) for name in CATALOGUE if text in name
    ]
