"""Endpoints that workers serve and the database does not contain (of a lost or other database)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from plaudit.dlq.letters.endpoint_index import Directory, EndpointSummary
from plaudit.store.endpoints.rows import StoredEndpoint


def strangers(directory: Directory, stored: Iterable[StoredEndpoint]) -> Sequence[EndpointSummary]:
    """Return the topic's endpoints that are not in the database, by id."""
    known = {each.endpoint_id for each in stored}
    found = (each for each in directory.all() if not each.deleted)
    return sorted(
        (each for each in found if each.endpoint_id not in known), key=lambda each: each.endpoint_id
    )
