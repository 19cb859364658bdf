"""Deliveries as the log shows them: one row each, by its latest attempt, on both databases."""

from __future__ import annotations

import time
import uuid
from typing import Any

import pytest
from sqlalchemy.engine import Engine

from attempts import WORKSPACE, attempt, failed
from plaudit.records.attempt import AttemptRecord, decode_attempt, encode_attempt
from plaudit.store.db.database import reading
from plaudit.store.endpoints.spec import InputRefused
from plaudit.store.log.queries import Page, attempts_about, attempts_of, find_page
from plaudit.store.log.query import Query, State, StatusRange
from plaudit.store.log.writer import AttemptRows, insert_new

NOW = int(time.time() * 1_000)
ENDPOINT = str(uuid.uuid4())


def write(engine: Engine, *attempts: AttemptRecord) -> None:
    """Write attempts to the log."""
    rows = AttemptRows(engine.dialect.name)
    with engine.begin() as connection:
        insert_new(
            connection, [rows.row(decode_attempt(encode_attempt(each))) for each in attempts]
        )


def page(engine: Engine, query: Query | None = None, **given: Any) -> Page:
    """Return a page."""
    with reading(engine) as connection:
        return find_page(connection, query or Query(), **given)


def tries(*outcomes: str, **given: Any) -> list[AttemptRecord]:
    """Return attempts of one delivery, a second apart."""
    shared = {"event_id": str(uuid.uuid4()), "endpoint_id": ENDPOINT, **given}
    start = shared.pop("started_at", NOW)
    return [
        (attempt if outcome == "DELIVERED" else failed)(
            **{**shared, "outcome": outcome, "number": at + 1, "started_at": start + at * 1_000}
        )
        for at, outcome in enumerate(outcomes)
    ]


def test_a_delivery_is_shown_by_its_latest_attempt(engine: Engine) -> None:
    write(engine, *tries("RETRYING", "RETRYING", "DELIVERED"), *tries("RETRYING"), *tries("DEAD"))
    shown = page(engine).deliveries
    assert sorted((each.state, each.number) for each in shown) == [
        (State.DEAD, 1), (State.DELIVERED, 3), (State.PENDING, 1),
    ]  # fmt: skip
    delivered = page(engine, Query(state=State.DELIVERED)).deliveries
    with reading(engine) as connection:
        attempts = attempts_of(connection, delivered[0].delivery_id)
    assert [each.number for each in attempts] == [1, 2, 3]


def test_attempts_of_the_same_moment_are_still_one_delivery(engine: Engine) -> None:
    first, second = tries("RETRYING", "DELIVERED")
    second["started_at"] = first["started_at"]
    write(engine, first, second)
    assert len(page(engine).deliveries) == 1


def test_pages_have_every_delivery_once_while_more_arrive(engine: Engine) -> None:
    old = [tries("DELIVERED", started_at=NOW - 10 * (at // 2))[0] for at in range(25)]
    write(engine, *old)
    seen: list[str] = []
    cursor: str | None = None
    while True:
        found = page(engine, limit=7, cursor=cursor)
        seen += [each.attempt_id for each in found.deliveries]
        write(engine, tries("DELIVERED", started_at=NOW + 60_000)[0])
        cursor = found.cursor
        if cursor is None:
            break
    assert sorted(seen) == sorted(each["attempt_id"] for each in old)


@pytest.mark.parametrize(
    ("given", "query"),
    [
        ({"workspace_id": str(uuid.uuid4())}, "workspace_id"),
        ({"endpoint_id": str(uuid.uuid4())}, "endpoint_id"),
        ({"event_id": str(uuid.uuid4())}, "event_id"),
        ({"subject": str(uuid.uuid4())}, "subject"),
        ({"event_type": "form.completed"}, "event_type"),
    ],
)
def test_filters_match_exactly_what_they_name(
    engine: Engine, given: dict[str, Any], query: str
) -> None:
    wanted = attempt(**given)
    write(engine, wanted, attempt(), attempt())
    found = page(engine, Query(**{query: given[query]})).deliveries
    assert [each.attempt_id for each in found] == [wanted["attempt_id"]]


@pytest.mark.parametrize(
    ("text", "numbers"),
    [("503", [503]), ("5xx", [500, 503, 599]), ("4XX", [400]), ("3xx", [])],
)
@pytest.mark.parametrize("workspace", [None, WORKSPACE])
def test_a_status_or_a_class_of_them_is_found(
    engine: Engine, text: str, numbers: list[int], workspace: str | None
) -> None:
    write(engine, *(attempt(status=status) for status in (200, 400, 500, 503, 599)))
    found = page(engine, Query(workspace, status=StatusRange.parse(text))).deliveries
    assert sorted(each.status or 0 for each in found) == numbers


@pytest.mark.parametrize("text", ["", "5x", "600", "xx", "6xx", "none", "5030"])
def test_another_text_is_not_a_status(text: str) -> None:
    with pytest.raises(ValueError, match="such as 503, or a class such as 5xx"):
        StatusRange.parse(text)


def test_filters_by_time_and_state_combine(engine: Engine) -> None:
    inside = tries("DEAD", started_at=NOW - 5_000)
    write(engine, *inside, *tries("DEAD", started_at=NOW - 9_000), *tries("DELIVERED"))
    write(engine, *tries("DEAD", started_at=NOW))
    query = Query(WORKSPACE, state=State.DEAD, since_ms=NOW - 6_000, until_ms=NOW)
    [found] = page(engine, query).deliveries
    assert found.attempt_id == inside[0]["attempt_id"]


def test_the_history_of_an_event_is_found_by_id_and_by_subject(engine: Engine) -> None:
    about = tries("RETRYING", "DELIVERED", subject=str(uuid.uuid4()))
    write(engine, *about, attempt())
    with reading(engine) as connection:
        for some_id in (about[0]["subject"], about[0]["event_id"]):
            found = attempts_about(connection, some_id)
            assert [each.attempt_id for each in found] == [each["attempt_id"] for each in about]


@pytest.mark.parametrize("cursor", ["", "x", "eDp5", "OTk5OTk5OTk5OTk5OTk5OTk5OTk5Onh4", "é"])
def test_an_invalid_cursor_is_refused(engine: Engine, cursor: str) -> None:
    with pytest.raises(InputRefused, match="cursor"):
        page(engine, cursor=cursor)
