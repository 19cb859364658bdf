"""Labels of endpoints: name and host in place of an id."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from plaudit.console.asking import Ask
from plaudit.store.endpoints.changes import NoSuchEndpoint
from plaudit.store.endpoints.rows import StoredEndpoint

MOST_CHOICES: Final = 200
"""Maximum number of endpoints in a selection list; beyond it, a form asks for the id."""


@dataclass(frozen=True, slots=True)
class Label:
    """Label of an endpoint.

    Attributes:
        name: its name, or its host if it has none.
        host: host of its URL.
        deleted: whether it was deleted.
    """

    endpoint_id: str
    name: str
    host: str
    deleted: bool = False


def owned(ask: Ask, endpoint_id: str) -> StoredEndpoint:
    """Return an endpoint that the viewer may see.

    Raises:
        NoSuchEndpoint: the id is unknown or belongs to another workspace, with the same message.
    """
    return ask.viewer.caller.owns(ask.services.api.endpoints.get(endpoint_id))


def label_of(ask: Ask, endpoint: StoredEndpoint) -> Label:
    """Return the label of an endpoint."""
    host = ask.services.index.host_of(endpoint)
    return Label(endpoint.endpoint_id, endpoint.name or host, host)


def choices(ask: Ask) -> list[Label] | None:
    """Return the endpoints for a selection list; None if there are too many."""
    found = ask.services.api.endpoints.page(ask.viewer.workspace_id, MOST_CHOICES + 1)
    return None if len(found) > MOST_CHOICES else [label_of(ask, each) for each in found]


def labels_for(ask: Ask, endpoint_ids: set[str]) -> Mapping[str, Label]:
    """Return the labels of some endpoints, including deleted ones."""
    found = ask.services.api.endpoints.find_many(endpoint_ids)
    mine = ask.viewer.workspace_id
    return {
        each: label_of(ask, found[each])
        if each in found and mine in {None, found[each].workspace_id}
        else _deleted(each)
        for each in endpoint_ids
    }


def label_or_deleted(ask: Ask, endpoint_id: str) -> Label:
    """Return the label of an endpoint that may be deleted."""
    try:
        return label_of(ask, owned(ask, endpoint_id))
    except NoSuchEndpoint:
        return _deleted(endpoint_id)


def _deleted(endpoint_id: str) -> Label:
    return Label(endpoint_id, f"deleted endpoint {endpoint_id[:8]}", "", deleted=True)
