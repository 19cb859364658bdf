"""Recording of a change within its own transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy.engine import Connection

from plaudit.records.times import wall_ms
from plaudit.store.audit.actor import current_actor
from plaudit.store.db.tables import AUDIT

Fields = Mapping[str, Any]


def record_change(
    connection: Connection,
    action: str,
    target: str,
    workspace_id: str | None,
    before: Fields | None = None,
    after: Fields | None = None,
) -> None:
    """Write an audit entry with the actor and the fields that differ.

    Args:
        connection: transaction of the change.
        action: such as `endpoint.updated`.
        target: id of the changed object.
        workspace_id: workspace of the object; None: all.
        before: fields before the change, without secrets; None for a new object.
        after: fields after the change, without secrets; None for a removed object.

    Raises:
        SQLAlchemyError: the transaction can't continue.
    """
    entry = audit_entry(action, target, workspace_id, before, after)
    if entry is not None:
        record_entries(connection, [entry])


def record_entries(connection: Connection, entries: Sequence[dict[str, Any]]) -> None:
    """Write audit entries."""
    if entries:
        connection.execute(AUDIT.insert(), entries)


def audit_entry(
    action: str,
    target: str,
    workspace_id: str | None,
    before: Fields | None,
    after: Fields | None,
) -> dict[str, Any] | None:
    """Return the row of an entry, as for `record_change`; None if no field differs."""
    if before is not None and after is not None:
        differ = {name for name in {*before, *after} if before.get(name) != after.get(name)}
        if not differ:
            return None
        before = {name: value for name, value in before.items() if name in differ}
        after = {name: value for name, value in after.items() if name in differ}
    actor = current_actor()
    return {
        "at": wall_ms(),
        "workspace_id": workspace_id,
        "actor_kind": str(actor.kind),
        "actor_id": actor.id,
        "actor_name": actor.name,
        "address": actor.address,
        "action": action,
        "target": target,
        "before": None if before is None else dict(before),
        "after": None if after is None else dict(after),
    }
