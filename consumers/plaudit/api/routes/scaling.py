"""`/v1/scaling`: due work of a lane, for autoscalers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

import orjson
from fastapi import APIRouter
from pydantic import BaseModel, Field

from plaudit.api.auth import Reading, WithServices
from plaudit.api.problems import Refused, documented
from plaudit.control.scaling import ScaledLane, ScalingView
from plaudit.kafka.errors import KafkaFailure
from plaudit.store.access.api_keys import Scope

PATH: Final = "/v1/scaling"
router = APIRouter(prefix=PATH, tags=["operations"])


class ScalingOut(BaseModel):
    """Due work of a lane."""

    lane: ScaledLane
    due_records: int = Field(description="Unfinished records that are due.")
    overdue_seconds: int = Field(description="Seconds since the oldest of them was due.")
    waiting_records: int = Field(
        description="Unfinished records, including retries that are not due."
    )
    measured_at: str = Field(description="Time of the measurement, at most 5 s ago; RFC 3339, UTC.")


@router.get("", responses=documented())
def show_scaling(services: WithServices, who: Reading, lane: ScaledLane) -> ScalingOut:
    """Show the due work of a lane; for admin keys. The metrics port answers without a key."""
    if who.key.scope is not Scope.ADMIN:
        raise Refused(403, "only an admin key can read the state of the whole installation")
    return ScalingOut(**services.scaling.of(lane).plain())


class ScalingPage:
    """Page on the metrics port, where autoscalers need no key.

    Args:
        view: due work of the lanes.
    """

    def __init__(self, view: ScalingView) -> None:
        self._view = view

    def __call__(self, query: Mapping[str, Sequence[str]]) -> tuple[HTTPStatus, bytes]:
        """Return the status and the body of a response."""
        try:
            lane = ScaledLane("".join(query.get("lane", ())))
        except ValueError:
            lanes = " or ".join(f"?lane={each}" for each in ScaledLane)
            return _said(HTTPStatus.UNPROCESSABLE_ENTITY, {"detail": f"add {lanes}"})
        try:
            return _said(HTTPStatus.OK, self._view.of(lane).plain())
        except KafkaFailure as failure:
            return _said(HTTPStatus.SERVICE_UNAVAILABLE, {"detail": str(failure)})


def _said(status: HTTPStatus, body: dict[str, Any]) -> tuple[HTTPStatus, bytes]:
    return status, orjson.dumps(body) + b"\n"
