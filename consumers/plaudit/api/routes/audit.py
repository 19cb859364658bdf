"""`/v1/audit`: who changed what, when, and from where."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from plaudit.api.auth import Reading, WithServices
from plaudit.api.problems import documented
from plaudit.api.time_params import Moment, epoch_ms
from plaudit.store.audit.actor import ActorKind
from plaudit.store.audit.search import AUDIT_PAGE, AuditQuery, find_entries
from plaudit.store.db.database import reading

router = APIRouter(prefix="/v1/audit", tags=["audit"])


class AuditActor(BaseModel):
    """Actor of a change."""

    kind: ActorKind
    id: str = Field(description="Id of the key or the session, or name of the user.")
    name: str | None = Field(description="Name of the person or the key.")
    address: str = Field(description="Network address of the caller, or host of the process.")


class AuditEntryOut(BaseModel):
    """A change, with the fields that differ and without secrets."""

    id: str
    at: str = Field(description="RFC 3339, UTC.")
    workspace_id: str | None
    actor: AuditActor
    action: str = Field(description="Kind of change, such as `endpoint.updated`.")
    target: str = Field(description="Id of the changed object.")
    before: dict[str, Any] | None
    after: dict[str, Any] | None


class AuditPageOut(BaseModel):
    """A page of the audit log, newest first; the next page begins at `cursor`."""

    data: list[AuditEntryOut]
    cursor: str | None = None


@router.get("", operation_id="listAuditEntries", responses=documented())
def list_entries(
    services: WithServices,
    who: Reading,
    workspace_id: UUID | None = None,
    actor: Annotated[str | None, Query(max_length=200, description="Id of the actor.")] = None,
    action: Annotated[str | None, Query(max_length=60)] = None,
    target: Annotated[str | None, Query(max_length=200)] = None,
    since: Moment = None,
    until: Moment = None,
    cursor: Annotated[
        int | None, Query(ge=0, lt=2**63, description="Cursor of the previous page.")
    ] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = AUDIT_PAGE,
) -> AuditPageOut:
    """List changes, newest first; all conditions must match."""
    query = AuditQuery(
        who.reads(None if workspace_id is None else str(workspace_id)),
        actor,
        action,
        target,
        epoch_ms("since", since),
        epoch_ms("until", until),
    )
    with reading(services.engine) as connection:
        page = find_entries(connection, query, limit=limit, cursor=cursor)
    return AuditPageOut(
        data=[AuditEntryOut(**each.plain()) for each in page.entries],
        cursor=None if page.cursor is None else str(page.cursor),
    )
