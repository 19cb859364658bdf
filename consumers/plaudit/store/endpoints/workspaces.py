"""Settings of a workspace: the endpoint that receives its notices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from plaudit.records.times import wall_ms
from plaudit.store.audit.record import record_change
from plaudit.store.db.database import reading, translated
from plaudit.store.db.statistics_tables import HEALTH
from plaudit.store.db.tables import API_KEYS, ENDPOINTS, WORKSPACES
from plaudit.store.db.upsert import insert_into
from plaudit.store.endpoints import rows
from plaudit.store.endpoints.notices import BY_DEFAULT, NoticeType
from plaudit.store.endpoints.spec import InputRefused, uuid_text

FIELD = "notify_endpoint_id"


@dataclass(frozen=True, slots=True)
class Workspace:
    """A tenant.

    Attributes:
        notify_endpoint_id: endpoint that receives operational events, if any.
        notify_types: types that it receives.
    """

    workspace_id: str
    notify_endpoint_id: str | None
    notify_types: tuple[NoticeType, ...] = BY_DEFAULT


def find_workspaces(engine: Engine) -> list[str]:
    """Return the ids of all workspaces that have endpoints or keys, or had deliveries."""
    of_endpoints = sa.select(ENDPOINTS.c.workspace_id)
    of_keys = sa.select(API_KEYS.c.workspace_id).where(API_KEYS.c.workspace_id.is_not(None))
    of_deliveries = sa.select(HEALTH.c.workspace_id)
    with reading(engine) as connection:
        found = connection.execute(sa.union(of_endpoints, of_keys, of_deliveries)).scalars()
        return sorted(found)


class WorkspaceService:
    """Reads and changes workspaces; every UUID is a valid id.

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
            return _workspace(wanted, connection.execute(_target(wanted)).one_or_none())

    def notify(
        self,
        workspace_id: str,
        endpoint_id: str | None,
        types: Sequence[NoticeType] | None = None,
    ) -> Workspace:
        """Set the endpoint that receives the workspace's notices; None disables notices.

        Args:
            workspace_id: the workspace.
            endpoint_id: one of its endpoints.
            types: types of notices; None keeps the current types.

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
            before = _workspace(wanted, connection.execute(_target(wanted)).one_or_none())
            now = Workspace(wanted, target, before.notify_types if types is None else tuple(types))
            _write(connection, now)
            record_change(
                connection, "workspace.updated", wanted, wanted, _audited(before), _audited(now)
            )
        return now


def _target(workspace_id: str) -> sa.Select[Any]:
    return sa.select(WORKSPACES.c.notify_endpoint_id, WORKSPACES.c.notify_types).where(
        WORKSPACES.c.workspace_id == workspace_id
    )


def _workspace(workspace_id: str, row: sa.Row[Any] | None) -> Workspace:
    if row is None or row.notify_types is None:
        return Workspace(workspace_id, None if row is None else row.notify_endpoint_id)
    types = tuple(NoticeType(each) for each in row.notify_types)
    return Workspace(workspace_id, row.notify_endpoint_id, types)


def _audited(workspace: Workspace) -> dict[str, Any]:
    return {
        "notify_endpoint_id": workspace.notify_endpoint_id,
        "notify_types": [str(each) for each in workspace.notify_types],
    }


def _write(connection: Connection, workspace: Workspace) -> None:
    now = wall_ms()
    change = {**_audited(workspace), "updated_at": now}
    row = {"workspace_id": workspace.workspace_id, "created_at": now, **change}
    connection.execute(
        insert_into(connection, WORKSPACES)
        .values(row)
        .on_conflict_do_update(index_elements=["workspace_id"], set_=change)
    )
