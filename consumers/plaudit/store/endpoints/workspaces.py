"""Settings of a workspace: the endpoint that receives its notices."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from plaudit.records.times import wall_ms
from plaudit.store.audit.record import record_change
from plaudit.store.db.database import reading, translated
from plaudit.store.db.tables import WORKSPACES
from plaudit.store.db.upsert import insert_into
from plaudit.store.endpoints import rows
from plaudit.store.endpoints.spec import InputRefused, uuid_text

FIELD = "notify_endpoint_id"


@dataclass(frozen=True, slots=True)
class Workspace:
    """A tenant.

    Attributes:
        notify_endpoint_id: endpoint that receives `endpoint.disabled`; None for none.
    """

    workspace_id: str
    notify_endpoint_id: str | None


class WorkspaceService:
    """Reads and changes workspaces; every UUID is a valid one.

    Args:
        engine: database.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def get(self, workspace_id: str) -> Workspace:
        """Return a workspace.

        Raises:
            InputRefused: the text is not an id.
            DatabaseFailure: the database is not available.
        """
        wanted = uuid_text("workspace", workspace_id)
        with reading(self._engine) as connection:
            return Workspace(wanted, connection.execute(_target(wanted)).scalar())

    def notify(self, workspace_id: str, endpoint_id: str | None) -> Workspace:
        """Set the endpoint that receives the workspace's notices; None for none.

        Raises:
            InputRefused: the workspace has no such endpoint.
            DatabaseFailure: nothing was changed.
        """
        wanted = uuid_text("workspace", workspace_id)
        target = None if endpoint_id is None else uuid_text(FIELD, endpoint_id)
        with translated(), self._engine.begin() as connection:
            if target is not None:
                found = rows.find(connection, target)
                if found is None or found.workspace_id != wanted:
                    raise InputRefused(FIELD, f"the workspace has no endpoint {target}")
            before = connection.execute(_target(wanted)).scalar()
            _write(connection, wanted, target)
            record_change(
                connection, "workspace.updated", wanted, wanted,
                {"notify_endpoint_id": before}, {"notify_endpoint_id": target},
            )  # fmt: skip
        return Workspace(wanted, target)


def _target(workspace_id: str) -> sa.Select[Any]:
    return sa.select(WORKSPACES.c.notify_endpoint_id).where(
        WORKSPACES.c.workspace_id == workspace_id
    )


def _write(connection: Connection, workspace_id: str, target: str | None) -> None:
    now = wall_ms()
    row = {
        "workspace_id": workspace_id,
        "notify_endpoint_id": target,
        "created_at": now,
        "updated_at": now,
    }
    change = {"notify_endpoint_id": target, "updated_at": now}
    connection.execute(
        insert_into(connection, WORKSPACES)
        .values(row)
        .on_conflict_do_update(index_elements=["workspace_id"], set_=change)
    )
