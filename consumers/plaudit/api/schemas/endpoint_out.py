"""Response body of an endpoint."""

from __future__ import annotations

from typing import Any, Final

import orjson
from pydantic import BaseModel, Field

from plaudit.endpoints.keys import CannotOpen
from plaudit.endpoints.signing import signing_of
from plaudit.logs.logger import event_logger
from plaudit.records.times import time_text
from plaudit.store.endpoints.changes import WrittenEndpoint, recovery_hints
from plaudit.store.endpoints.rows import StoredEndpoint
from plaudit.store.endpoints.service import EndpointService
from plaudit.store.endpoints.warnings import warnings_for

UNREADABLE: Final = "this server can't decrypt the endpoint; its operator has to check"
_log = event_logger(__name__)


class EndpointOut(BaseModel):
    """An endpoint, without its secret and the values of its headers."""

    id: str
    workspace_id: str
    name: str | None
    url: str | None = Field(
        description="URL; a read-only key sees `***` in place of its path. Null in a list if this "
        "server can't decrypt the endpoint, as `warnings` states."
    )
    types: list[str]
    spaces: list[str]
    filter: dict[str, Any] | None
    headers: list[str]
    rate_limit: float | None
    schedule: str | None
    format: str
    signing: str
    public_key: str | None = Field(
        description="whpk_…, which verifies `v1a` signatures; null without them."
    )
    status: str
    status_reason: str | None
    version: int
    active_from: str
    created_at: str
    updated_at: str
    secret: str | None = Field(
        default=None, description="Secret of a new endpoint; shown only once."
    )
    warnings: list[str] = Field(description="Settings that are valid but unlikely to work.")

    @classmethod
    def of(
        cls, service: EndpointService, written: WrittenEndpoint, *, masked: bool = False
    ) -> EndpointOut:
        """Return the response body of an endpoint; `masked` hides secrets in its URL."""
        endpoint, wanted = written.endpoint, service.spec_of(written.endpoint)
        return cls(
            **_stored_fields(endpoint),
            url=origin_of(wanted.url) if masked else wanted.url,
            headers=sorted(wanted.headers),
            public_key=next((each.public for each in service.public_keys(endpoint)), None),
            secret=None if wanted.signing == "v1a" else written.secret,
            warnings=[*warnings_for(wanted), *recovery_hints(written), *written.warnings],
        )

    @classmethod
    def listed(
        cls, service: EndpointService, endpoint: StoredEndpoint, *, masked: bool
    ) -> EndpointOut:
        """Return an endpoint of a list; if it can't be decrypted, without its encrypted fields."""
        try:
            return cls.of(service, WrittenEndpoint(endpoint), masked=masked)
        except CannotOpen as error:
            _log.error("api.misconfigured", extra={"error": f"{endpoint.endpoint_id}: {error}"})
            stored = _stored_fields(endpoint)
            return cls(**stored, url=None, headers=[], public_key=None, warnings=[UNREADABLE])


def _stored_fields(endpoint: StoredEndpoint) -> dict[str, Any]:
    """Return the fields that are not encrypted."""
    text = endpoint.content_filter
    return {
        "id": endpoint.endpoint_id,
        "workspace_id": endpoint.workspace_id,
        "name": endpoint.name,
        "types": list(endpoint.event_types),
        "spaces": list(endpoint.spaces),
        "filter": None if text is None else orjson.loads(text),
        "rate_limit": endpoint.rate_limit,
        "schedule": endpoint.schedule,
        "format": endpoint.format,
        "signing": signing_of(endpoint.signature_kinds),
        "status": endpoint.status,
        "status_reason": endpoint.status_reason,
        "version": endpoint.version,
        "active_from": time_text(endpoint.active_from),
        "created_at": time_text(endpoint.created_at),
        "updated_at": time_text(endpoint.updated_at),
    }


def origin_of(url: str) -> str:
    """Return a URL without path and query, which often contain tokens."""
    scheme, _, rest = url.partition("://")
    host, slash, path = rest.partition("/")
    host, question, _ = host.partition("?")
    return f"{scheme}://{host}/{'***' if path or question else ''}" if slash or question else url
