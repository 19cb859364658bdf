"""Operational events of a batch of attempts: failing and recovered endpoints, dead deliveries."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from operator import itemgetter
from typing import Any, Final

from plaudit.records.times import time_text
from plaudit.store.endpoints.notices import NoticeType
from plaudit.store.log.health import Health, HealthChange
from plaudit.store.log.writer import COLUMNS, Row

MOST_LISTED: Final = 20
"""Maximum number of deliveries that a notice lists; its count covers all."""

_dead_of: Final = itemgetter(
    *map(COLUMNS.index, ("outcome", "reason", "endpoint_id", "workspace_id", "delivery_id"))
)


@dataclass(frozen=True, slots=True)
class OperationalEvent:
    """An event for a workspace, about one of its endpoints."""

    type: NoticeType
    workspace_id: str
    endpoint_id: str
    data: dict[str, Any]


def events_of(
    rows: Iterable[Row], changes: Iterable[HealthChange], failing_after: int
) -> Iterator[OperationalEvent]:
    """Yield the operational events of a batch.

    Args:
        rows: new rows of the log.
        changes: health of the endpoints before and after these rows.
        failing_after: consecutive failures after which an endpoint counts as failing.
    """
    for each in changes:
        kind = _turn(each, failing_after)
        if kind is not None:
            now = each.after
            data = {
                "endpoint_id": now.endpoint_id,
                "failure_streak": (each.before if kind is NoticeType.RECOVERED else now)
                .failure_streak,
                **failure_of(each.before if kind is NoticeType.RECOVERED else now),
            }  # fmt: skip
            yield OperationalEvent(kind, now.workspace_id, now.endpoint_id, data)
    yield from _exhausted(rows)


def failure_of(health: Health) -> dict[str, Any]:
    """Return the description of an endpoint's failures; times in RFC 3339."""
    return {
        "failing_since": _time(health.failing_since),
        "last_success_at": _time(health.last_success_at),
        "last_status": health.last_status,
        "last_error": health.last_error,
    }


def _turn(change: HealthChange, failing_after: int) -> NoticeType | None:
    was = change.before.failure_streak >= failing_after
    now = change.after.failure_streak >= failing_after
    if now and not was:
        return NoticeType.FAILING
    return NoticeType.RECOVERED if was and not now else None


def _exhausted(rows: Iterable[Row]) -> Iterator[OperationalEvent]:
    """Yield one event for each endpoint and reason with deliveries that were given up."""
    found: dict[tuple[str, str, str], list[str]] = {}
    for row in rows:
        outcome, reason, endpoint_id, workspace_id, delivery_id = _dead_of(row)
        if outcome == "dead" and endpoint_id:
            text = delivery_id.hex() if isinstance(delivery_id, bytes) else str(delivery_id)
            key = workspace_id, endpoint_id, reason or "unknown"
            found.setdefault(key, []).append(_dashed(text))
    for (workspace_id, endpoint_id, reason), deliveries in found.items():
        data = {
            "endpoint_id": endpoint_id,
            "reason": reason,
            "count": len(deliveries),
            "delivery_ids": deliveries[:MOST_LISTED],
        }
        yield OperationalEvent(NoticeType.EXHAUSTED, workspace_id, endpoint_id, data)


def _dashed(text: str) -> str:
    if "-" in text:
        return text
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))


def _time(epoch_ms: int | None) -> str | None:
    return None if epoch_ms is None else time_text(epoch_ms)
