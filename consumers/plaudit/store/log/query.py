"""Conditions for deliveries."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from plaudit.store.endpoints.spec import uuid_text


class State(StrEnum):
    """State of a delivery, by its latest row in the log."""

    DELIVERED = "delivered"
    PENDING = "pending"
    DEAD = "dead"
    CANCELLED = "cancelled"


OUTCOMES: Final[Mapping[State, tuple[str, ...]]] = MappingProxyType(
    {
        State.DELIVERED: ("delivered",),
        State.PENDING: ("retrying", "diverted"),
        State.DEAD: ("dead", "gone"),
        State.CANCELLED: ("cancelled",),
    }
)
_UNFINISHED: Final = (*OUTCOMES[State.PENDING], *OUTCOMES[State.DEAD])


@dataclass(frozen=True, slots=True)
class Query:
    """Conditions for deliveries; None means any.

    Attributes:
        status: status of the response, such as 503.
        reason: code of a failure, such as `exhausted`.
        error: a part of the error; case does not matter.
        subject: subject of the event, such as a testimonial's id.
        since_ms: latest attempt at or after this; epoch milliseconds.
        until_ms: latest attempt before this.
        unfinished: only deliveries that are pending or dead.
    """

    workspace_id: str | None = None
    endpoint_id: str | None = None
    event_id: str | None = None
    subject: str | None = None
    event_type: str | None = None
    state: State | None = None
    outcome: str | None = None
    status: int | None = None
    since_ms: int | None = None
    until_ms: int | None = None
    reason: str | None = None
    error: str | None = None
    unfinished: bool = False

    @property
    def outcomes(self) -> tuple[str, ...] | None:
        """Outcomes of the latest attempt that the state allows; None means any."""
        if self.state is not None:
            return OUTCOMES[self.state]
        return _UNFINISHED if self.unfinished else None

    def checked(self) -> Query:
        """Validate the ids.

        Raises:
            InputRefused: a value is not an id; the message names it.
        """
        if self.event_id is not None:
            uuid_text("event", self.event_id)
        return self
