"""Rows of the endpoints table, and their conversion into records of the topic."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, Row

from plaudit.endpoints.keys import Sealed
from plaudit.records.endpoint import EndpointRecord
from plaudit.store.audit.record import audit_entry, record_change, record_entries
from plaudit.store.db.tables import ENDPOINTS, OUTBOX


@dataclass(frozen=True, slots=True)
class StoredEndpoint:
    """An endpoint as the database has it; times in epoch milliseconds."""

    endpoint_id: str
    workspace_id: str
    name: str | None
    version: int
    sealed: Sealed
    event_types: tuple[str, ...]
    spaces: tuple[str, ...]
    format: str
    rate_limit: float | None
    schedule: str | None
    status: str
    status_reason: str | None
    status_since: int | None
    active_from: int
    announced: bool
    created_at: int
    updated_at: int
    content_filter: str | None = None
    signature_kinds: tuple[str, ...] = ("v1",)


def insert(connection: Connection, endpoint: StoredEndpoint) -> int:
    """Add a row and announce it; return the outbox's number."""
    insert_all(connection, [endpoint])
    return announce(connection, endpoint.endpoint_id)


def update(connection: Connection, endpoint: StoredEndpoint) -> int:
    """Replace a row and announce it; return the outbox's number."""
    update_all(connection, [endpoint])
    return announce(connection, endpoint.endpoint_id)


def remove(connection: Connection, endpoint_id: str) -> int:
    """Delete a row and announce it; return the outbox's number."""
    remove_all(connection, [endpoint_id])
    return announce(connection, endpoint_id)


def announce(connection: Connection, endpoint_id: str) -> int:
    """Add an outbox note for an endpoint; return the note's number."""
    done = connection.execute(OUTBOX.insert().values(endpoint_id=endpoint_id))
    key = done.inserted_primary_key
    return 0 if key is None else int(key[0])


def insert_all(connection: Connection, endpoints: Sequence[StoredEndpoint]) -> None:
    """Add rows, without announcing them."""
    if endpoints:
        connection.execute(ENDPOINTS.insert(), [_values(each) for each in endpoints])
    # In one statement, since a manifest may have thousands.
    entries = [
        audit_entry("endpoint.created", each.endpoint_id, each.workspace_id, None, _audited(each))
        for each in endpoints
    ]
    record_entries(connection, [entry for entry in entries if entry is not None])


def update_all(connection: Connection, endpoints: Sequence[StoredEndpoint]) -> None:
    """Replace rows, without announcing them."""
    if endpoints:
        known = find_each(connection, [each.endpoint_id for each in endpoints])
        query = ENDPOINTS.update().where(ENDPOINTS.c.endpoint_id == sa.bindparam("this"))
        given = [{**_values(each), "this": each.endpoint_id} for each in endpoints]
        connection.execute(query, given)
        for each in endpoints:
            record_endpoint(connection, "endpoint.updated", known.get(each.endpoint_id), each)


def remove_all(connection: Connection, ids: Sequence[str]) -> None:
    """Delete rows, without announcing that."""
    if ids:
        for each in find_each(connection, ids).values():
            record_endpoint(connection, "endpoint.removed", each, None)
        query = ENDPOINTS.delete().where(ENDPOINTS.c.endpoint_id == sa.bindparam("this"))
        connection.execute(query, [{"this": each} for each in ids])


def record_endpoint(
    connection: Connection, action: str, before: StoredEndpoint | None, after: StoredEndpoint | None
) -> None:
    """Write a change into the audit log, without encrypted fields."""
    known = after or before
    if known is None:
        return
    was = None if before is None else _audited(before)
    now = None if after is None else _audited(after)
    if was is not None and now is not None and before is not None and after is not None:
        # URL, headers and secrets are encrypted: the entry only states that they changed.
        was["sealed"], now["sealed"] = "before", "before"
        if before.sealed != after.sealed:
            now["sealed"] = "changed"
    record_change(connection, action, known.endpoint_id, known.workspace_id, was, now)


def _audited(endpoint: StoredEndpoint) -> dict[str, Any]:
    hidden = {"key_id", "sealed", "announced", "updated_at", "created_at", "endpoint_id"}
    return {name: value for name, value in _values(endpoint).items() if name not in hidden}


def announce_all(connection: Connection, ids: Sequence[str]) -> int:
    """Add outbox notes for endpoints; return the number of the last note."""
    if ids:
        connection.execute(OUTBOX.insert(), [{"endpoint_id": each} for each in ids])
    return connection.execute(sa.select(sa.func.max(OUTBOX.c.number))).scalar() or 0


def find_each(connection: Connection, ids: Collection[str]) -> dict[str, StoredEndpoint]:
    """Return the existing endpoints among some ids, by id."""
    found = connection.execute(sa.select(ENDPOINTS).where(ENDPOINTS.c.endpoint_id.in_(ids)))
    return {row.endpoint_id: _stored(row) for row in found}


def find_named(connection: Connection, workspace_id: str, name: str) -> str | None:
    """Return the id of the endpoint with a name in a workspace."""
    query = sa.select(ENDPOINTS.c.endpoint_id).where(
        ENDPOINTS.c.workspace_id == workspace_id, ENDPOINTS.c.name == name
    )
    return connection.execute(query).scalar()


def find(
    connection: Connection, endpoint_id: str, *, for_update: bool = False
) -> StoredEndpoint | None:
    """Return an endpoint, or None; `for_update` locks its row for this transaction."""
    query = sa.select(ENDPOINTS).where(ENDPOINTS.c.endpoint_id == endpoint_id)
    if for_update:
        query = query.with_for_update()
    row = connection.execute(query).one_or_none()
    return None if row is None else _stored(row)


def find_all(connection: Connection, workspace_id: str | None = None) -> Sequence[StoredEndpoint]:
    """Return endpoints in order of creation."""
    return find_page(connection, workspace_id, None)


def find_page(
    connection: Connection,
    workspace_id: str | None,
    most: int | None,
    after: tuple[int, str] | None = None,
) -> Sequence[StoredEndpoint]:
    """Return a page of endpoints in order of creation.

    Args:
        connection: database.
        workspace_id: only endpoints of this workspace.
        most: size of the page; None: all.
        after: time of creation and id of the last endpoint on the previous page.
    """
    order = (ENDPOINTS.c.created_at, ENDPOINTS.c.endpoint_id)
    query = sa.select(ENDPOINTS).order_by(*order).limit(most)
    if workspace_id is not None:
        query = query.where(ENDPOINTS.c.workspace_id == workspace_id)
    if after is not None:
        query = query.where(sa.tuple_(*order) > sa.tuple_(*map(sa.literal, after)))
    return [_stored(row) for row in connection.execute(query)]


def find_names(connection: Connection) -> Sequence[tuple[str, str | None, str]]:
    """Return id, name and workspace of every endpoint."""
    table = ENDPOINTS.c
    query = sa.select(table.endpoint_id, table.name, table.workspace_id).order_by(table.created_at)
    return [(row.endpoint_id, row.name, row.workspace_id) for row in connection.execute(query)]


def disabled(endpoint: StoredEndpoint, reason: str, now_ms: int) -> StoredEndpoint:
    """Return an endpoint as disabled."""
    return replace(endpoint, status="disabled", status_reason=reason, status_since=now_ms)


def record_of(endpoint: StoredEndpoint) -> EndpointRecord:
    """Return the record that workers read."""
    return EndpointRecord(
        endpoint_id=endpoint.endpoint_id,
        workspace_id=endpoint.workspace_id,
        version=endpoint.version,
        key_id=endpoint.sealed.key_id,
        sealed=endpoint.sealed.blob,
        event_types=list(endpoint.event_types),
        spaces=list(endpoint.spaces),
        content_filter=endpoint.content_filter,
        format=endpoint.format,
        rate_limit=endpoint.rate_limit,
        schedule=endpoint.schedule,
        signature_kinds=list(endpoint.signature_kinds),
        status=endpoint.status.upper(),
        status_reason=endpoint.status_reason,
        status_since=endpoint.status_since,
        active_from=endpoint.active_from,
        created_at=endpoint.created_at,
        updated_at=endpoint.updated_at,
    )


def _values(endpoint: StoredEndpoint) -> dict[str, Any]:
    return {
        "endpoint_id": endpoint.endpoint_id,
        "workspace_id": endpoint.workspace_id,
        "name": endpoint.name,
        "version": endpoint.version,
        "key_id": endpoint.sealed.key_id,
        "sealed": endpoint.sealed.blob,
        "event_types": list(endpoint.event_types),
        "spaces": list(endpoint.spaces),
        "content_filter": endpoint.content_filter,
        "format": endpoint.format,
        "rate_limit": endpoint.rate_limit,
        "schedule": endpoint.schedule,
        "signature_kinds": list(endpoint.signature_kinds),
        "status": endpoint.status,
        "status_reason": endpoint.status_reason,
        "status_since": endpoint.status_since,
        "active_from": endpoint.active_from,
        "announced": endpoint.announced,
        "created_at": endpoint.created_at,
        "updated_at": endpoint.updated_at,
    }


def _stored(row: Row[Any]) -> StoredEndpoint:
    return StoredEndpoint(
        row.endpoint_id,
        row.workspace_id,
        row.name,
        row.version,
        Sealed(row.key_id, bytes(row.sealed)),
        tuple(row.event_types),
        tuple(row.spaces),
        row.format,
        row.rate_limit,
        row.schedule,
        row.status,
        row.status_reason,
        row.status_since,
        row.active_from,
        row.announced,
        row.created_at,
        row.updated_at,
        row.content_filter,
        tuple(row.signature_kinds),
    )
