"""Endpoints in Kafka that are missing from the database, which was lost or replaced."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from plaudit.dlq.letters.endpoint_index import EndpointDirectory, EndpointSummary
from plaudit.store.endpoints.rows import StoredEndpoint


def unknown_endpoints(
    index: EndpointDirectory, stored: Iterable[StoredEndpoint]
) -> Sequence[EndpointSummary]:
    """Return the topic's endpoints that the database lacks, sorted by id."""
    known = {each.endpoint_id for each in stored}
    found = (each for each in index.all() if not each.deleted)
    return sorted(
        (each for each in found if each.endpoint_id not in known), key=lambda each: each.endpoint_id
    )
