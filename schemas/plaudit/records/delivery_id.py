"""The id of a delivery: an event on its way to one endpoint."""

from __future__ import annotations

from uuid import UUID, uuid5


def delivery_id(event_id: str, endpoint_id: str) -> str:
    """Return the id of (event, endpoint): the same at every attempt, redrive and replay."""
    return str(uuid5(UUID(event_id), endpoint_id))
