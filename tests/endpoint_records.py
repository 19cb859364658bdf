"""Records of the endpoints topic, for tests that write them without a control plane."""

from __future__ import annotations

from typing import Any, cast

from plaudit.records.endpoint import EndpointRecord, encode_endpoint


def endpoint_value(endpoint_id: str, workspace_id: str, **given: Any) -> bytes:
    """Return an active endpoint without filters and seal, but for the given fields."""
    record: dict[str, Any] = {
        "endpoint_id": endpoint_id,
        "workspace_id": workspace_id,
        "version": 1,
        "key_id": "test",
        "sealed": b"sealed",
        "event_types": [],
        "spaces": [],
        "content_filter": None,
        "format": "standard",
        "rate_limit": None,
        "schedule": None,
        "signature_kinds": ["v1"],
        "status": "ACTIVE",
        "status_reason": None,
        "status_since": None,
        "active_from": 0,
        "created_at": 0,
        "updated_at": 0,
        **given,
    }
    return encode_endpoint(cast("EndpointRecord", record))
