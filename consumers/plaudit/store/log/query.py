"""Conditions for deliveries."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final, NamedTuple

from plaudit.store.endpoints.spec import uuid_text


class State(StrEnum):
    """State of a delivery, by its latest row in the log."""

    DELIVERED = "delivered"
    PENDING = "pending"
    DEAD = "dead"
    CANCELLED = "cancelled"


_STATUS: Final = re.compile(r"[1-5](xx|[0-9]{2})")
OUTCOMES: Final[Mapping[State, tuple[str, ...]]] = MappingProxyType(
    {
        State.DELIVERED: ("delivered",),
        State.PENDING: ("retrying", "diverted"),
        State.DEAD: ("dead", "gone"),
        State.CANCELLED: ("cancelled",),
    }
)
_UNFINISHED: Final = (*OUTCOMES[State.PENDING], *OUTCOMES[State.DEAD])


class StatusRange(NamedTuple):
    """Statuses of responses from `least` to `most`, both included."""

    least: int
    most: int

    @classmethod
    def parse(cls, text: str) -> StatusRange:
        """Read a status such as `503`, or a class such as `5xx`.

        Raises:
            ValueError: the text is neither; the message names it.
        """
        given = text.strip().lower()
        if _STATUS.fullmatch(given) is None:
            msg = f"{text[:40]!r} is not an HTTP status such as 503, or a class such as 5xx"
            raise ValueError(msg)
        return cls(int(given.replace("x", "0")), int(given.replace("x", "9")))

    def __str__(self) -> str:
        """Return the text that `parse` reads."""
        return str(self.least) if self.least == self.most else f"{self.least // 100}xx"


@dataclass(frozen=True, slots=True)
class Query:
    """Conditions for deliveries; None means any.

    Attributes:
        status: statuses of the response, such as 503 or 5xx.
        reason: reason code of a failure, such as `exhausted`.
        error: part of the error text, in any case.
        subject: subject of the event, such as a testimonial's id.
        since_ms: earliest time of the latest attempt, inclusive; epoch milliseconds.
        until_ms: latest time of the latest attempt, exclusive.
        unfinished: only deliveries that are pending or dead.
    """

    workspace_id: str | None = None
    endpoint_id: str | None = None
    event_id: str | None = None
    subject: str | None = None
    event_type: str | None = None
    state: State | None = None
    outcome: str | None = None
    status: StatusRange | None = None
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

    def validated(self) -> Query:
        """Validate the ids.

        Raises:
            InputRefused: a value is not an id; the message names it.
        """
        if self.event_id is not None:
            uuid_text("event", self.event_id)
        return self
