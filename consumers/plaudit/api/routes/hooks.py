"""`/v1/hooks`: subscribe, unsubscribe and samples, like Zapier's REST hooks.

The API does not require a handshake, which automation tools do not support. The default payload
format is `flat`.
"""

from __future__ import annotations

from typing import Annotated, Any, Final
from uuid import UUID

import orjson
from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from plaudit.api.auth import Reading, WithIdempotency, WithServices, Writing
from plaudit.api.problems import Refused, documented
from plaudit.api.schemas.endpoint_out import EndpointOut
from plaudit.api.schemas.endpoints import FORMAT_SCHEMA, Text
from plaudit.api.schemas.event_bodies import Sample
from plaudit.control.testing import sample, written_as
from plaudit.formats.catalogue import UnknownFormat, shape_of
from plaudit.formats.flat import FLAT
from plaudit.store.endpoints.spec import EndpointSpec

router = APIRouter(prefix="/v1/hooks", tags=["automation tools"])

RATE_LIMIT: Final = 20.0
"""Requests per second; Zapier rejects rates above about 30."""


class Subscription(BaseModel):
    """Request of an automation tool when a user enables it."""

    model_config = ConfigDict(
        extra="ignore",
        json_schema_extra={
            "examples": [
                {
                    "target_url": "https://hooks.zapier.com/hooks/standard/1/abc/",
                    "event": "testimonial.approved",
                }
            ]
        },
    )

    target_url: Text = Field(description="URL of the receiver.")
    event: Text = Field(description="An event type.")
    format: Text = Field(default=FLAT.name, json_schema_extra=FORMAT_SCHEMA)
    workspace_id: UUID | None = Field(default=None, description="For admin keys only.")


@router.post("", status_code=201, responses=documented())
def subscribe(
    services: WithServices, who: Writing, idempotency: WithIdempotency, body: Subscription
) -> EndpointOut:
    """Register a subscriber; `DELETE` takes its `id`.

    If the tool responds with 410, the endpoint is disabled.
    """
    workspace = who.writes(None if body.workspace_id is None else str(body.workspace_id))
    wanted = EndpointSpec(body.target_url, (body.event,), rate_limit=RATE_LIMIT, format=body.format)
    services.quotas.check_new(services.endpoints, workspace, wanted, idempotency)
    return EndpointOut.of(
        services.endpoints, services.endpoints.add(workspace, wanted, idempotency)
    )


@router.delete("/{hook_id}", status_code=204, responses=documented(404))
def unsubscribe(services: WithServices, who: Writing, hook_id: UUID) -> None:
    """Remove a subscriber."""
    known = who.owns(services.endpoints.get(str(hook_id)))
    services.endpoints.remove(known.endpoint_id)


@router.get("/samples", response_model=list[Sample], responses=documented())
def list_samples(
    who: Reading,
    event: Annotated[str, Query(max_length=100, description="An event type.")],
    form: Annotated[
        str, Query(alias="format", max_length=40, json_schema_extra=FORMAT_SCHEMA)
    ] = FLAT.name,
    workspace_id: UUID | None = None,
) -> list[dict[str, Any]]:
    """Return an example payload in a list, in the same format as live events."""
    workspace = who.reads(None if workspace_id is None else str(workspace_id))
    try:
        shape = shape_of(form)
    except UnknownFormat as error:
        raise Refused(422, str(error), field="format") from None
    made = sample(workspace, event)
    return [orjson.loads(written_as(shape, made).body)]
