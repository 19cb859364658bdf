"""Queries of the delivery log: deliveries by page, and their attempts."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final

import orjson
import sqlalchemy as sa
from sqlalchemy.engine import Connection, RowMapping

from plaudit.store.db.tables import ATTEMPTS, Id
from plaudit.store.endpoints.spec import InputRefused, uuid_text

DEFAULT_PAGE: Final = 50
LARGEST_PAGE: Final = 500
MOST_RETRIED: Final = 1_000
"""Deliveries that one call retries; use `plaudit dlq redrive` or `plaudit replay` for more."""


class NoSuchDelivery(LookupError):
    """The delivery id is unknown."""

    def __init__(self, delivery_id: str) -> None:
        super().__init__(f"no delivery {delivery_id}; see `plaudit deliveries list`")


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
_STATE: Final = {outcome: state for state, outcomes in OUTCOMES.items() for outcome in outcomes}


@dataclass(frozen=True, slots=True)
class Attempt:
    """A row of the log, as `DeliveryAttempt` has it; times in epoch milliseconds."""

    attempt_id: str
    started_at: int
    delivery_id: str
    event_id: str
    event_type: str
    workspace_id: str
    endpoint_id: str
    endpoint_version: int
    subject: str
    origin_topic: str
    origin_partition: int
    origin_offset: int
    trigger: str
    number: int
    outcome: str
    reason: str | None
    status: int | None
    dns_ms: float | None
    connect_ms: float | None
    tls_ms: float | None
    first_byte_ms: float | None
    total_ms: float | None
    bytes_sent: int
    answer_headers: Mapping[str, str] | None
    answer_snippet: bytes | None
    error: str | None
    next_due_at: int | None
    worker: str

    @property
    def state(self) -> State:
        """State of its delivery, if this is the latest row."""
        return _STATE.get(self.outcome, State.PENDING)

    @property
    def is_http(self) -> bool:
        """Whether a request was made."""
        return self.status is not None or self.total_ms is not None


@dataclass(frozen=True, slots=True)
class Query:
    """Conditions for deliveries; None means any.

    Attributes:
        status: status of the response, such as 503.
        subject: subject of the event, such as a testimonial's id.
        since_ms: latest attempt at or after this; epoch milliseconds.
        until_ms: latest attempt before this.
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

    def checked(self) -> Query:
        """Validate the ids.

        Raises:
            InputRefused: a value is not an id; the message names it.
        """
        if self.event_id is not None:
            uuid_text("event", self.event_id)
        return self


@dataclass(frozen=True, slots=True)
class Page:
    """Deliveries by their latest attempts, newest first.

    Attributes:
        cursor: start of the next page; None on the last page.
    """

    deliveries: Sequence[Attempt]
    cursor: str | None


def find_page(
    connection: Connection, query: Query, *, limit: int = DEFAULT_PAGE, cursor: str | None = None
) -> Page:
    """Return a page of deliveries.

    Raises:
        InputRefused: an id or the cursor is not valid.
    """
    statement = (
        sa.select(ATTEMPTS)
        .where(*_conditions(query.checked()), ~_is_followed())
        .order_by(ATTEMPTS.c.started_at.desc(), ATTEMPTS.c.attempt_id.desc())
        .limit(limit + 1)
    )
    if cursor is not None:
        place = sa.tuple_(ATTEMPTS.c.started_at, ATTEMPTS.c.attempt_id)
        started_at, attempt_id = _place(cursor)
        before = sa.tuple_(sa.literal(started_at, sa.BigInteger), sa.literal(attempt_id, Id))
        statement = statement.where(place < before)
    found = [_attempt(row) for row in connection.execute(statement).mappings()]
    last = found[limit - 1] if len(found) > limit else None
    return Page(found[:limit], None if last is None else _cursor(last))


def attempts_of(connection: Connection, delivery_id: str) -> Sequence[Attempt]:
    """Return the attempts of a delivery, in order.

    Raises:
        InputRefused: the text is not an id.
    """
    wanted = uuid_text("delivery", delivery_id)
    return _in_order(connection, ATTEMPTS.c.delivery_id == wanted)


def attempts_about(connection: Connection, some_id: str) -> Sequence[Attempt]:
    """Return the attempts for an event, or for an entity's events, in order.

    Raises:
        InputRefused: the text is not an id.
    """
    wanted = uuid_text("id", some_id)
    return _in_order(
        connection, sa.or_(ATTEMPTS.c.event_id == wanted, ATTEMPTS.c.subject == wanted)
    )


def _in_order(connection: Connection, condition: sa.ColumnElement[bool]) -> Sequence[Attempt]:
    statement = (
        sa.select(ATTEMPTS).where(condition).order_by(ATTEMPTS.c.started_at, ATTEMPTS.c.attempt_id)
    )
    return [_attempt(row) for row in connection.execute(statement).mappings()]


def _conditions(query: Query) -> list[sa.ColumnElement[bool]]:
    wanted: dict[str, object] = {
        "workspace_id": query.workspace_id,
        "endpoint_id": query.endpoint_id,
        "event_id": query.event_id,
        "subject": query.subject,
        "event_type": query.event_type,
        "outcome": query.outcome,
        "status": query.status,
    }
    conditions = [ATTEMPTS.c[name] == value for name, value in wanted.items() if value is not None]
    if query.state is not None:
        conditions.append(ATTEMPTS.c.outcome.in_(OUTCOMES[query.state]))
    if query.since_ms is not None:
        conditions.append(ATTEMPTS.c.started_at >= query.since_ms)
    if query.until_ms is not None:
        conditions.append(ATTEMPTS.c.started_at < query.until_ms)
    return conditions


def _is_followed() -> sa.ColumnElement[bool]:
    """Return whether a later row of the same delivery exists."""
    later = ATTEMPTS.alias("later")
    return sa.exists().where(
        later.c.delivery_id == ATTEMPTS.c.delivery_id,
        later.c.started_at >= ATTEMPTS.c.started_at,
        sa.tuple_(later.c.started_at, later.c.attempt_id)
        > sa.tuple_(ATTEMPTS.c.started_at, ATTEMPTS.c.attempt_id),
    )


def _attempt(row: RowMapping) -> Attempt:
    values: dict[str, Any] = dict(row)
    headers = values["answer_headers"]
    values["answer_headers"] = None if headers is None else orjson.loads(headers)
    return Attempt(**values)


def _cursor(attempt: Attempt) -> str:
    text = f"{attempt.started_at}:{attempt.attempt_id}"
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _place(cursor: str) -> tuple[int, str]:
    try:
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
        started_at, _, attempt_id = text.partition(":")
        place = int(started_at), uuid_text("cursor", attempt_id)
    except (binascii.Error, ValueError):
        raise InputRefused("cursor", "not one that a page ended with") from None
    if not -(2**63) <= place[0] < 2**63:
        raise InputRefused("cursor", "not one that a page ended with")
    return place
