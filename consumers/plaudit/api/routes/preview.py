"""`/v1/endpoints/preview`: which of the latest events an endpoint would receive."""

from __future__ import annotations

from typing import Final
from uuid import UUID

import orjson
from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from plaudit.api.auth import Reading, WithServices
from plaudit.api.problems import Refused, documented
from plaudit.api.schemas.endpoints import Filter, Text
from plaudit.control.recent_events import SelectionPreview, preview
from plaudit.endpoints.filters import parse_filter
from plaudit.records.times import time_text
from plaudit.store.endpoints.spec import check_choice

router = APIRouter(prefix="/v1/endpoints/preview", tags=["endpoints"])

_EXAMPLE: Final[JsonDict] = {
    "types": ["testimonial.approved"],
    "filter": {"field": "testimonial.rating.value", "gt": 3},
}


class ChoiceBody(BaseModel):
    """Selection of an endpoint."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [_EXAMPLE]})

    workspace_id: UUID | None = Field(default=None, description="For admin keys only.")
    types: list[Text] = Field(default_factory=list, max_length=100, description="Empty: all.")
    spaces: list[UUID] = Field(default_factory=list, max_length=1_000, description="Empty: all.")
    filter: Filter | None = Field(default=None, description="Content filter.")


class UnsentOut(BaseModel):
    """An event that the endpoint would not receive."""

    event_id: str
    type: str
    at: str = Field(description="Time of publishing; RFC 3339, UTC.")
    why: str = Field(description="Reason, in words.")


class PreviewOut(BaseModel):
    """Effect of a selection on the latest events of a workspace."""

    total: int = Field(description="Number of checked events, at most the latest 100.")
    sent: int = Field(description="Number of events that the endpoint would receive.")
    unsent: list[UnsentOut] = Field(description="Events that it would not receive, newest first.")


@router.post("", operation_id="previewEndpoint", responses=documented())
def preview_endpoint(services: WithServices, who: Reading, body: ChoiceBody) -> PreviewOut:
    """Show which of the workspace's latest events an endpoint would receive; save nothing."""
    workspace = who.reads(None if body.workspace_id is None else str(body.workspace_id))
    if workspace is None:
        raise Refused(422, "an admin's key has to name a workspace", field="workspace_id")
    text = None if body.filter is None else orjson.dumps(body.filter).decode()
    check_choice(body.types, text)
    wants = None if text is None else parse_filter(text)
    events = services.recent.look(workspace)
    spaces = [str(each) for each in body.spaces]
    return _shown(preview(events, body.types, spaces, wants))


def _shown(found: SelectionPreview) -> PreviewOut:
    unsent = [
        UnsentOut(
            event_id=each.recent.event.event_id,
            type=each.recent.event.type,
            at=time_text(each.recent.at_ms),
            why=each.why,
        )
        for each in found.unsent
    ]
    return PreviewOut(total=found.total, sent=found.sent, unsent=unsent)
