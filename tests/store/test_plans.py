"""Query plans for deliveries: by index for every filter, however rare what it finds."""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from attempts import WORKSPACE, attempt, failed
from plaudit.records.attempt import AttemptRecord, decode_attempt, encode_attempt
from plaudit.store.db.database import reading
from plaudit.store.db.partitions import DAY_MS
from plaudit.store.log.labels import label_rows
from plaudit.store.log.queries import count_deliveries, find_page
from plaudit.store.log.query import Query, State, StatusRange
from plaudit.store.log.writer import AttemptRows, insert_new

NOW = int(time.time() * 1_000)
ENDPOINT = str(uuid.uuid4())
EVENT = str(uuid.uuid4())

FILTERS = [
    Query(),
    Query(since_ms=NOW - DAY_MS, until_ms=NOW),
    Query(state=State.DEAD),
    Query(state=State.PENDING, until_ms=NOW - 1),
    Query(status=StatusRange.parse("200")),
    Query(status=StatusRange.parse("5xx")),
    Query(reason="status"),
    Query(event_type="form.completed"),
    Query(outcome="cancelled"),
    Query(WORKSPACE),
    Query(WORKSPACE, state=State.DELIVERED, event_type="form.completed"),
    Query(endpoint_id=ENDPOINT),
    Query(WORKSPACE, ENDPOINT, status=StatusRange.parse("503")),
    Query(
        endpoint_id=ENDPOINT, event_type="form.completed", reason="status", since_ms=NOW - DAY_MS
    ),
    Query(event_id=EVENT),
    Query(subject=EVENT, state=State.DEAD),
]


def write(engine: Engine, attempts: Sequence[AttemptRecord]) -> None:
    """Write attempts to the log."""
    rows = AttemptRows(engine.dialect.name)
    with engine.begin() as connection:
        insert_new(connection, [rows.row(decode_attempt(encode_attempt(one))) for one in attempts])


def some() -> list[AttemptRecord]:
    """Return attempts of several days, endpoints and kinds."""
    return [
        (attempt if at % 3 else failed)(
            endpoint_id=ENDPOINT if at % 2 else str(uuid.uuid4()),
            started_at=NOW - at * DAY_MS // 8,
            event_type="testimonial.approved" if at % 5 else "form.completed",
        )
        for at in range(40)
    ]


@contextmanager
def asked(engine: Engine) -> Iterator[list[tuple[str, Any]]]:
    """Collect the statements that are asked meanwhile."""
    found: list[tuple[str, Any]] = []

    def take(*given: Any) -> None:
        found.append((given[2], given[3]))

    sa.event.listen(engine, "before_cursor_execute", take)
    yield found
    sa.event.remove(engine, "before_cursor_execute", take)


def walks(engine: Engine, statement: str, given: Any) -> list[str]:
    """Return the lines of a statement's plan that read the log row by row."""
    with engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", given)
            return [row[3] for row in plan if re.match(r"SCAN (attempts|a|x|later)\b", row[3])]
        # In a table of this size it would read everything; so it does only when it has to.
        connection.exec_driver_sql("SET enable_seqscan = off")
        lines = [row[0] for row in connection.exec_driver_sql(f"EXPLAIN {statement}", given)]
        connection.rollback()
    found = [line for line in lines if "Seq Scan on attempts" in line]
    for line, after in zip(lines, [*lines[1:], ""], strict=True):
        by_index = re.search(r"Index (Only )?Scan .*on attempts", line)
        if by_index and "Index Cond" not in after and "attempts" in line:
            found.append(line)
    return found


def test_every_filter_is_answered_by_an_index(engine: Engine) -> None:
    write(engine, some())
    for query in FILTERS:
        with asked(engine) as statements, reading(engine) as connection:
            first = find_page(connection, query, limit=3)
            find_page(connection, query, limit=3, cursor=first.cursor)
            count_deliveries(connection, query)
        selects = [each for each in statements if each[0].lstrip().startswith(("SELECT", "WITH"))]
        assert selects
        found = [line for statement, given in selects for line in walks(engine, statement, given)]
        if query == Query():
            # The newest rows of all: an index in their order, which ends with the page.
            found = [line for line in found if "Index" not in line and "USING" not in line]
        assert found == [], query


def is_wanted(one: AttemptRecord, query: Query) -> bool:
    """Return whether an attempt matches, by its fields."""
    state = State.DELIVERED if one["outcome"] == "DELIVERED" else State.PENDING
    exact: dict[object, object] = {
        None: None,
        query.workspace_id: one["workspace_id"],
        query.endpoint_id: one["endpoint_id"],
        query.event_id: one["event_id"],
        query.subject: one["subject"],
        query.event_type: one["event_type"],
        query.outcome: one["outcome"].lower(),
        query.reason: one["reason"],
        query.state: state,
    }
    del exact[None]
    within = (query.since_ms or 0) <= one["started_at"] < (query.until_ms or NOW + 1)
    answered = query.status is None or one["status"] in range(
        query.status.least, query.status.most + 1
    )
    return within and answered and all(asked == has for asked, has in exact.items())


def test_pages_and_counts_are_those_of_a_plain_search(engine: Engine) -> None:
    records = some()
    write(engine, records)
    newest_first = sorted(records, key=lambda one: -one["started_at"])
    for query in FILTERS:
        wanted = [one["attempt_id"] for one in newest_first if is_wanted(one, query)]
        found: list[str] = []
        cursor = None
        with reading(engine) as connection:
            while True:
                page = find_page(connection, query, limit=4, cursor=cursor)
                found += [each.attempt_id for each in page.deliveries]
                cursor = page.cursor
                if cursor is None:
                    break
            assert count_deliveries(connection, query) == len(wanted), query
            assert count_deliveries(connection, query, most=2) == min(2, len(wanted))
        assert found == wanted, query


def test_rows_of_an_earlier_release_are_found_before_and_after_they_have_kinds(
    engine: Engine,
) -> None:
    write(engine, some())
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE attempts SET kind = NULL")
        connection.exec_driver_sql("DELETE FROM log_days")
    query = Query(endpoint_id=ENDPOINT, status=StatusRange.parse("503"))
    with reading(engine) as connection:
        before = find_page(connection, query).deliveries
    assert before
    assert label_rows(engine, 25) == 25
    assert label_rows(engine, 25) == 15
    assert label_rows(engine, 25) == 0
    with reading(engine) as connection:
        assert find_page(connection, query).deliveries == before


def test_a_retried_row_leaves_the_indexes(engine: Engine) -> None:
    first = failed(endpoint_id=ENDPOINT, event_id=EVENT, started_at=NOW - 10)
    write(engine, [first])
    write(engine, [attempt(endpoint_id=ENDPOINT, event_id=EVENT, number=2, trigger="RETRY")])
    with reading(engine) as connection:
        assert count_deliveries(connection, Query(state=State.PENDING)) == 0
        assert count_deliveries(connection, Query()) == 1


def test_an_attempt_after_a_diversion_replaces_it(engine: Engine) -> None:
    given = {"endpoint_id": ENDPOINT, "event_id": EVENT}
    moved = {**given, "outcome": "DIVERTED", "status": None, "number": 0, "reason": "slow"}
    write(engine, [attempt(**moved, started_at=NOW - 10)])
    write(engine, [attempt(), attempt(**given, started_at=NOW)])
    with reading(engine) as connection:
        assert count_deliveries(connection, Query(state=State.PENDING)) == 0
        assert count_deliveries(connection, Query(state=State.DELIVERED)) == 2
