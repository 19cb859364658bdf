"""Event types by entity, and headers of examples."""

from __future__ import annotations

from plaudit.events.catalogue import CATALOGUE, EventType
from plaudit.formats.shape import Rendered, Shape


def grouped() -> dict[str, list[tuple[EventType, str]]]:
    """Return the event types with their descriptions, by entity."""
    groups: dict[str, list[tuple[EventType, str]]] = {}
    for each in CATALOGUE.values():
        groups.setdefault(str(each.entity), []).append((each, str(each.schema["doc"])))
    return groups


def example_headers(shape: Shape | None, written: Rendered) -> list[tuple[str, str]]:
    """Return the headers of a request, with descriptions in place of varying values."""
    kind = b"application/json" if shape is None else shape.content_type
    return [
        ("content-type", kind.decode()),
        ("webhook-id", "the event's id, the same at each attempt"),
        ("webhook-timestamp", "time of the attempt in epoch seconds"),
        ("webhook-signature", "v1,… HMAC-SHA256 of id.timestamp.body with the secret"),
        *((name.decode(), value.decode()) for name, value in written.headers),
    ]
