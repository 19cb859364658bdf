"""Queries of the delivery log: deliveries by page, and their attempts."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Final

import orjson
import sqlalchemy as sa
from sqlalchemy.engine import Connection, RowMapping

from plaudit.store.db.tables import ATTEMPTS
from plaudit.store.endpoints.spec import InputRefused, uuid_text
from plaudit.store.log.query import OUTCOMES, Query, State
from plaudit.store.log.search import Place, count_rows, searched_rows

DEFAULT_PAGE: Final = 50
LARGEST_PAGE: Final = 500
MOST_COUNTED: Final = 10_000
"""Limit of exact counts; beyond it, the count is reported as a minimum."""
MOST_SEARCHED: Final = 1_500
"""Rows whose errors are searched for one page; the next page continues there."""
MOST_RETRIED: Final = 1_000
"""Deliveries that one call retries; for more, use `plaudit dlq redrive` or `plaudit replay`."""


class NoSuchDelivery(LookupError):
    """The delivery id is unknown."""

    def __init__(self, delivery_id: str) -> None:
        super().__init__(f"no delivery {delivery_id}; see `plaudit deliveries list`")


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
        """Whether the worker made a request."""
        return self.status is not None or self.total_ms is not None


_COLUMNS: Final = [ATTEMPTS.c[each.name] for each in fields(Attempt)]


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
    query.validated()
    after = None if cursor is None else _place(cursor)
    if query.error is not None:
        return _page_of_errors(connection, query, limit, after)
    found: list[Attempt] = []
    while len(found) <= limit:
        wanted = limit + 1 - len(found)
        some = [each.place for each in searched_rows(connection, query, wanted, after)]
        found += _latest(connection, some)
        if len(some) < wanted:
            break
        after = some[-1]
    last = found[limit - 1] if len(found) > limit else None
    return Page(found[:limit], None if last is None else _cursor(last))


def _page_of_errors(connection: Connection, query: Query, limit: int, after: Place | None) -> Page:
    """Return deliveries with a text in their error, among the next rows; it may be an empty page.

    One statement reads the errors, since few rows of a search for a rare text are shown.
    """
    searched = list(searched_rows(connection, query, MOST_SEARCHED, after))
    found = [each.place for each in searched if each.matches]
    last = found[limit - 1] if len(found) > limit else None
    if last is None and len(searched) == MOST_SEARCHED:
        last = searched[-1].place
    page = _latest(connection, found[:limit])
    return Page(page, None if last is None else _cursor_at(last))


def count_deliveries(connection: Connection, query: Query, most: int = MOST_COUNTED) -> int:
    """Return the number of deliveries that match, or `most` if at least that many match.

    A delivery whose rows were written out of order may be counted twice.

    Raises:
        InputRefused: an id is not valid.
    """
    return count_rows(connection, query.validated(), most)


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
        sa.select(*_COLUMNS).where(condition).order_by(ATTEMPTS.c.started_at, ATTEMPTS.c.attempt_id)
    )
    return [_attempt(row) for row in connection.execute(statement).mappings()]


def _latest(connection: Connection, some: Sequence[Place]) -> Sequence[Attempt]:
    """Return the attempts at these places, without those that turn out to have a later row."""
    if not some:
        return []
    statement = (
        sa.select(*_COLUMNS)
        .where(
            ATTEMPTS.c.attempt_id.in_([each.attempt_id for each in some]),
            # Without the exact times, Postgres would search every partition.
            ATTEMPTS.c.started_at.in_({each.started_at for each in some}),
            ~_is_followed(),
        )
        .order_by(ATTEMPTS.c.started_at.desc(), ATTEMPTS.c.attempt_id.desc())
    )
    return [_attempt(row) for row in connection.execute(statement).mappings()]


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
    return _cursor_at(Place(attempt.started_at, attempt.attempt_id))


def _cursor_at(place: Place) -> str:
    text = f"{place.started_at}:{place.attempt_id}"
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _place(cursor: str) -> Place:
    try:
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
        started_at, _, attempt_id = text.partition(":")
        place = Place(int(started_at), uuid_text("cursor", attempt_id))
    except (binascii.Error, ValueError):
        raise InputRefused("cursor", "not the cursor of a page") from None
    if not 0 <= place.started_at < 2**62:
        raise InputRefused("cursor", "not the cursor of a page")
    return place
