"""Notices: operational events of a workspace, kept in the database until they are sent.

The recorder sends a notice directly to the workspace's notification endpoint. A notice does not
pass through Kafka and has no attempt record, so it never causes another notice.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from plaudit.records.times import wall_ms
from plaudit.store.db.tables import NOTICES, WORKSPACES


class NoticeType(StrEnum):
    """Types of operational events."""

    DISABLED = "endpoint.disabled"
    FAILING = "endpoint.failing"
    RECOVERED = "endpoint.recovered"
    EXHAUSTED = "delivery.exhausted"
    JOB = "job.completed"


BY_DEFAULT: Final = (NoticeType.DISABLED,)
"""Types for a workspace that has not chosen any."""


def add_notice(
    connection: Connection,
    workspace_id: str,
    notice: NoticeType,
    data: Mapping[str, Any],
    about: str | None = None,
) -> bool:
    """Add a notice if the workspace wants it; return whether it does.

    Args:
        connection: transaction of the change.
        workspace_id: workspace of the event.
        notice: type of the event.
        data: fields of the event; times in RFC 3339.
        about: endpoint of the event; a notification endpoint receives no notices about itself.

    Raises:
        SQLAlchemyError: the transaction can't continue.
    """
    query = sa.select(WORKSPACES.c.notify_endpoint_id, WORKSPACES.c.notify_types).where(
        WORKSPACES.c.workspace_id == workspace_id
    )
    found = connection.execute(query).one_or_none()
    if found is None or found.notify_endpoint_id in {None, about}:
        return False
    if notice not in (BY_DEFAULT if found.notify_types is None else found.notify_types):
        return False
    now_ms = wall_ms()
    row = {
        "notice_id": str(uuid.uuid4()),
        "workspace_id": workspace_id,
        "type": str(notice),
        "data": dict(data),
        "created_at": now_ms,
        "attempts": 0,
        "next_at": now_ms,
    }
    connection.execute(NOTICES.insert().values(row))
    return True
