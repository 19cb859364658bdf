"""Uniqueness of endpoint names within a workspace."""

from __future__ import annotations

from sqlalchemy.engine import Connection

from plaudit.store.endpoints import rows
from plaudit.store.endpoints.rows import StoredEndpoint
from plaudit.store.endpoints.spec import InputRefused


def check_name(connection: Connection, endpoint: StoredEndpoint) -> None:
    """Check that no other endpoint of the workspace has the name.

    Raises:
        InputRefused: the name is in use.
    """
    if endpoint.name is None:
        return
    twin = rows.find_named(connection, endpoint.workspace_id, endpoint.name)
    if twin not in {None, endpoint.endpoint_id}:
        raise InputRefused("name", f"{endpoint.name!r} is already the name of {twin}")
