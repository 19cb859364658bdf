"""Filters of deliveries: in the address, as a query, and in words."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from plaudit.api.problems import Refused
from plaudit.dlq.letters.filters import LetterFilterRefused, is_age, moment
from plaudit.events.catalogue import CATALOGUE
from plaudit.store.log.query import Query, State, StatusRange

NAMES: Final = (
    "endpoint", "state", "type", "status", "event", "subject", "since", "until", "error",
)  # fmt: skip
LONGEST_ERROR: Final = 200
RANGES: Final[Mapping[str, str]] = {
    "15m": "last 15 minutes",
    "1h": "last hour",
    "24h": "last 24 hours",
    "7d": "last 7 days",
}
WORDS: Final[Mapping[str, State]] = {
    "delivered": State.DELIVERED,
    "waiting": State.PENDING,
    "dead": State.DEAD,
    "cancelled": State.CANCELLED,
}


@dataclass(frozen=True, slots=True)
class DeliveryFilter:
    """Conditions in the address of a list; None means any."""

    endpoint: str | None = None
    state: str | None = None
    type: str | None = None
    status: str | None = None
    event: str | None = None
    subject: str | None = None
    since: str | None = None
    until: str | None = None
    error: str | None = None

    @classmethod
    def of(cls, value: Callable[[str], str | None]) -> DeliveryFilter:
        """Return the filter of a request."""
        return cls(**{name: value(name) for name in NAMES})

    @property
    def given(self) -> dict[str, str]:
        """Conditions that are set."""
        values = {name: getattr(self, name) for name in NAMES}
        return {name: value for name, value in values.items() if value is not None}

    def query(self, workspace_id: str | None, now_ms: int) -> Query:
        """Return the query of the delivery log.

        Raises:
            Refused: a value is invalid; the message names the field.
        """
        return Query(
            workspace_id,
            _id("endpoint", self.endpoint),
            _id("event", self.event),
            _id("subject", self.subject),
            _type(self.type),
            _state(self.state),
            None,
            _status(self.status),
            _moment("since", self.since, now_ms),
            _moment("until", self.until, now_ms),
            None,
            None if self.error is None else self.error[:LONGEST_ERROR],
        )


@dataclass(frozen=True, slots=True)
class Chip:
    """A condition in words.

    Attributes:
        without: the other conditions.
    """

    text: str
    without: Mapping[str, str]


def chips(given: Mapping[str, str], endpoint_name: str | None) -> list[Chip]:
    """Return conditions in words.

    Args:
        given: the conditions that are set.
        endpoint_name: name of the endpoint in the conditions.
    """
    return [
        Chip(
            _words(name, endpoint_name or value if name == "endpoint" else value),
            {other: kept for other, kept in given.items() if other != name},
        )
        for name, value in given.items()
    ]


def _words(name: str, value: str) -> str:
    match name:
        case "endpoint":
            return f"to {value}"
        case "status":
            return f"answered {value}"
        case "error":
            return f"error contains “{value}”"
        case "kind":
            return "unreadable events"
        case "event":
            return f"event {value[:13]}…"
        case "subject":
            return f"about {value[:13]}…"
        case "since":
            return RANGES.get(value, f"since {value}" + (" ago" if is_age(value) else ""))
        case "until":
            return f"until {value}"
    return "dead letter" if value == "dead" else value


def _id(field: str, text: str | None) -> str | None:
    if text is None:
        return None
    try:
        return str(UUID(text))
    except ValueError:
        raise Refused(422, f"{text!r} is not an id", field=field) from None


def _type(text: str | None) -> str | None:
    if text is not None and text not in CATALOGUE:
        raise Refused(422, f"{text!r} is not an event type", field="type")
    return text


def _state(text: str | None) -> State | None:
    if text is None:
        return None
    if text not in WORDS:
        raise Refused(422, f"{text!r} is not one of {', '.join(WORDS)}", field="state")
    return WORDS[text]


def _status(text: str | None) -> StatusRange | None:
    try:
        return None if text is None else StatusRange.parse(text)
    except ValueError as error:
        raise Refused(422, str(error), field="status") from None


def _moment(field: str, text: str | None, now_ms: int) -> int | None:
    try:
        return moment(field, text, now_ms)
    except LetterFilterRefused as error:
        raise Refused(422, str(error), field=field) from None
