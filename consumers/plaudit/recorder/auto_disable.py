"""Automatic disabling of endpoints: the pure decision, and the change in the transaction.

The change is in the same transaction as the rows that explain it, so a crash loses neither. The
outbox notifies workers. An attempt only counts for the endpoint's version that it used.
"""

from __future__ import annotations

import socket
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from plaudit.logs.logger import event_logger
from plaudit.recorder.settings import DAY_MS
from plaudit.store.audit.actor import Actor, ActorKind, acting
from plaudit.store.db.tables import NOTICES, WORKSPACES
from plaudit.store.endpoints import rows
from plaudit.store.endpoints.rows import StoredEndpoint, disabled
from plaudit.store.log.health import Health, Sums, Tried

_log = event_logger(__name__)

NOTICE: Final = "endpoint.disabled"


@dataclass(frozen=True, slots=True)
class DisableVerdict:
    """An endpoint to disable.

    Attributes:
        version: version that the attempts used.
        reason: reason for its owner.
    """

    endpoint_id: str
    version: int
    reason: str


def verdicts(sums: Sums, health: Iterable[Health], after_ms: int) -> Iterator[DisableVerdict]:
    """Yield the endpoints that a batch of attempts disables.

    Args:
        sums: sums of the new attempts.
        health: health of their endpoints, including these attempts.
        after_ms: time for which every attempt must have failed.
    """
    failing = f"failing: every attempt failed for {after_ms / DAY_MS:g} days"
    for each in health:
        tried = sums.tried[each.endpoint_id]
        gone = max((one for one in tried if one.outcome == "gone"), key=_version, default=None)
        if gone is not None:
            reason = f"gone: it answered {gone.status}"
            yield DisableVerdict(each.endpoint_id, gone.version, reason)
        elif each.failing_version is not None and each.failing_for_ms >= after_ms:
            yield DisableVerdict(each.endpoint_id, each.failing_version, failing)


def _version(tried: Tried) -> int:
    return tried.version


def carry_out(connection: Connection, verdict: DisableVerdict, health: Health, now_ms: int) -> bool:
    """Disable an endpoint and add a notice for its workspace; return False if it changed meanwhile.

    Raises:
        SQLAlchemyError: the transaction can't continue.
    """
    known = rows.find(connection, verdict.endpoint_id, for_update=True)
    if known is None or known.status != "active" or known.version != verdict.version:
        return False
    changed = replace(
        disabled(known, verdict.reason, now_ms), version=known.version + 1, updated_at=now_ms
    )
    with acting(Actor(ActorKind.RECORDER, "recorder", socket.gethostname())):
        rows.update(connection, changed)
    _notify(connection, changed, health, now_ms)
    _log.warning(
        "endpoint.disabled",
        extra={
            "endpoint_id": known.endpoint_id,
            "workspace_id": known.workspace_id,
            "reason": verdict.reason,
        },
    )
    return True


def _notify(connection: Connection, endpoint: StoredEndpoint, health: Health, now_ms: int) -> None:
    """Add a notice for the workspace's notification endpoint, if it has one."""
    query = sa.select(WORKSPACES.c.notify_endpoint_id).where(
        WORKSPACES.c.workspace_id == endpoint.workspace_id
    )
    target = connection.execute(query).scalar()
    if target is None or target == endpoint.endpoint_id:
        return
    data = {
        "endpoint_id": endpoint.endpoint_id,
        "name": endpoint.name,
        "reason": endpoint.status_reason,
        "failing_since": health.failing_since,
        "last_success_at": health.last_success_at,
        "last_status": health.last_status,
        "last_error": health.last_error,
    }
    connection.execute(
        NOTICES.insert().values(
            notice_id=str(uuid.uuid4()),
            workspace_id=endpoint.workspace_id,
            type=NOTICE,
            data=data,
            created_at=now_ms,
            attempts=0,
            next_at=now_ms,
        )
    )
