"""Webhook body in the `standard` payload format (Standard Webhooks)."""

from __future__ import annotations

import orjson

from plaudit.events.decoding import Event


def render(event: Event) -> bytes:
    """Return `{"id", "type", "timestamp", "data"}` as UTF-8 JSON."""
    return orjson.dumps(
        {
            "id": event.event_id,
            "type": event.type,
            "timestamp": event.timestamp,
            "data": event.data,
        }
    )
