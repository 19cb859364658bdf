"""Automatic disabling of endpoints that keep failing.

The recorder makes the change in the same transaction as the rows that explain it, so a crash loses
neither. The outbox notifies workers. An attempt counts only for the endpoint version that it used.
"""

from __future__ import annotations

import socket
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from sqlalchemy.engine import Connection

from plaudit.logs.logger import event_logger
from plaudit.recorder.operational_events import failure_of
from plaudit.recorder.settings import DAY_MS
from plaudit.store.audit.actor import Actor, ActorKind, acting
from plaudit.store.endpoints import rows
from plaudit.store.endpoints.notices import NoticeType, add_notice
from plaudit.store.endpoints.rows import StoredEndpoint, disabled
from plaudit.store.log.health import Health, Sums
from plaudit.store.log.sums import LoggedAttempt

_log = event_logger(__name__)


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
        after_ms: time during which every attempt must have failed.
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


def _version(tried: LoggedAttempt) -> int:
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
    _notify(connection, changed, health)
    _log.warning(
        "endpoint.disabled",
        extra={
            "endpoint_id": known.endpoint_id,
            "workspace_id": known.workspace_id,
            "reason": verdict.reason,
        },
    )
    return True


def _notify(connection: Connection, endpoint: StoredEndpoint, health: Health) -> None:
    """Add a notice for the workspace's notification endpoint, if it has one."""
    data = {
        "endpoint_id": endpoint.endpoint_id,
        "name": endpoint.name,
        "reason": endpoint.status_reason,
        **failure_of(health),
    }
    add_notice(connection, endpoint.workspace_id, NoticeType.DISABLED, data, endpoint.endpoint_id)
