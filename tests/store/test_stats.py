"""Statistics without gaps, by hour and by minute, and search in errors; on both databases."""

from __future__ import annotations

import time
import uuid

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from attempts import WORKSPACE, attempt, failed
from plaudit.records.attempt import AttemptRecord, decode_attempt, encode_attempt
from plaudit.store.db.database import reading
from plaudit.store.db.statistics_tables import (
    HOURS,
    MINUTES,
    TOTAL_HOURS,
    TOTAL_MINUTES,
    WORKSPACE_HOURS,
    WORKSPACE_MINUTES,
)
from plaudit.store.log.health import apply_sums, sum_rows
from plaudit.store.log.queries import MOST_SEARCHED, find_page
from plaudit.store.log.query import Query
from plaudit.store.log.stats import Resolution, series
from plaudit.store.log.sums import HOUR_MS, MINUTE_MS
from plaudit.store.log.writer import AttemptRows, insert_new

OTHER = "7d9f0000-52a4-4b0e-9a53-0c6d1f1f2a01"
NOW = int(time.time() * 1_000)
ENDPOINT = str(uuid.uuid4())


def write(engine: Engine, *attempts: AttemptRecord) -> None:
    """Write attempts as the recorder does."""
    rows = AttemptRows(engine.dialect.name)
    with engine.begin() as connection:
        made = [rows.row(decode_attempt(encode_attempt(each))) for each in attempts]
        apply_sums(connection, sum_rows(insert_new(connection, made)))


def test_minutes_and_hours_have_no_gaps_and_the_same_totals(engine: Engine) -> None:
    ages = (1, 1, 7, 95)
    for age in ages:  # batch by batch
        write(engine, attempt(endpoint_id=ENDPOINT, started_at=NOW - age * MINUTE_MS))
    write(engine, failed(started_at=NOW - 3 * MINUTE_MS), failed(workspace_id=str(uuid.uuid4())))
    since = NOW - 2 * HOUR_MS
    with reading(engine) as connection:
        for resolution, length in ((Resolution.MINUTE, MINUTE_MS), (Resolution.HOUR, HOUR_MS)):
            mine = series(connection, resolution, WORKSPACE, None, since, None)
            assert [each.hour for each in mine] == list(range(since // length, mine[-1].hour + 1))
            assert mine[-1].hour >= NOW // length
            assert sum(each.delivered for each in mine) == len(ages)
            assert sum(each.failed for each in mine) == 1
            one = series(connection, resolution, None, ENDPOINT, since, NOW)
            assert sum(each.failed for each in one) == 0
        day = series(connection, Resolution.MINUTE, None, None, 0, None)
    assert len(day) < 26 * 60


def test_errors_are_found_by_a_part_of_their_text(engine: Engine) -> None:
    wanted = failed(error="Connection REFUSED by 10.0.0.7%", started_at=NOW - 5_000)
    write(engine, wanted, failed(error="timed out"), attempt())
    with reading(engine) as connection:
        for text in ("refused", "10.0.0.7%"):
            page = find_page(connection, Query(error=text))
            assert [each.attempt_id for each in page.deliveries] == [wanted["attempt_id"]]
        assert find_page(connection, Query(error="100%")).deliveries == []


def test_a_search_that_finds_little_ends_and_is_continued(engine: Engine) -> None:
    old = failed(error="the needle", started_at=NOW - 100_000)
    hay = [failed(error="hay", started_at=NOW - number) for number in range(MOST_SEARCHED + 10)]
    write(engine, old, *hay)
    with reading(engine) as connection:
        first = find_page(connection, Query(error="needle"))
        assert first.deliveries == []
        assert first.cursor is not None
        second = find_page(connection, Query(error="needle"), cursor=first.cursor)
    assert [each.attempt_id for each in second.deliveries] == [old["attempt_id"]]
    assert second.cursor is None


@pytest.mark.parametrize("workspace", [None, WORKSPACE])
def test_totals_are_the_sums_of_the_endpoints_whenever_they_began(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, workspace: str | None
) -> None:
    """Attempts before the first total were counted by an earlier release."""
    times = [NOW - age * MINUTE_MS for age in (200, 130, 129, 2, 1, 0)]
    for at_ms in times[:2]:
        write(engine, attempt(started_at=at_ms))
    with engine.begin() as connection:
        for totals in (TOTAL_HOURS, TOTAL_MINUTES, WORKSPACE_HOURS, WORKSPACE_MINUTES):
            connection.execute(totals.delete())
    monkeypatch.setattr("plaudit.store.log.health.wall_ms", lambda: NOW - 120 * MINUTE_MS)
    for at_ms in times[2:]:
        write(engine, attempt(started_at=at_ms), failed(started_at=at_ms))
    if workspace is not None:
        write(engine, attempt(started_at=NOW, workspace_id=OTHER))
    for resolution, table in ((Resolution.HOUR, HOURS), (Resolution.MINUTE, MINUTES)):
        with reading(engine) as connection:
            found = series(connection, resolution, workspace, None, NOW - 5 * HOUR_MS, NOW + 1)
            of_all = sa.true() if workspace is None else table.c.workspace_id == workspace
            single = connection.execute(sa.select(table).where(of_all)).all()
        moment = str(resolution)
        for each in found:
            rows = [row for row in single if getattr(row, moment) == each.hour]
            assert each.delivered == sum(row.delivered for row in rows)
            assert each.failed == sum(row.failed for row in rows)
            assert sum(each.latencies) == sum(sum(row.latencies) for row in rows)
        assert sum(each.delivered for each in found) == len(times)
