"""`/v1/workspace`: settings of a workspace."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter

from plaudit.api.auth import Reading, WithServices, Writing
from plaudit.api.problems import Refused, documented
from plaudit.api.schemas.endpoints import WorkspaceBody, WorkspaceOut
from plaudit.store.endpoints.workspaces import Workspace

router = APIRouter(prefix="/v1/workspace", tags=["workspaces"])


@router.get("", responses=documented())
def show_workspace(
    services: WithServices, who: Reading, workspace_id: UUID | None = None
) -> WorkspaceOut:
    """Show the key's workspace; an admin key must name one."""
    wanted = who.reads(None if workspace_id is None else str(workspace_id))
    if wanted is None:
        raise Refused(422, "an admin's key has to name a workspace", field="workspace_id")
    return _shown(services.workspaces.get(wanted))


@router.put("", responses=documented())
def change_workspace(
    services: WithServices, who: Writing, body: WorkspaceBody, workspace_id: UUID | None = None
) -> WorkspaceOut:
    """Set the endpoint that receives operational events, and their types."""
    workspace = who.writes(None if workspace_id is None else str(workspace_id))
    target = None if body.notify_endpoint_id is None else str(body.notify_endpoint_id)
    return _shown(services.workspaces.notify(workspace, target, body.notify_types))


def _shown(workspace: Workspace) -> WorkspaceOut:
    return WorkspaceOut(
        id=workspace.workspace_id,
        notify_endpoint_id=workspace.notify_endpoint_id,
        notify_types=list(workspace.notify_types),
    )
