"""The delivery log: one contract, on SQLite and on Postgres."""

from __future__ import annotations

import time
import uuid
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.engine import Engine

from attempts import attempt, failed
from plaudit.records.attempt import AttemptRecord, decode_attempt, encode_attempt
from plaudit.store.db.database import reading
from plaudit.store.db.partitions import DAY_MS, forget_before
from plaudit.store.db.statistics_tables import HOURS
from plaudit.store.db.tables import ATTEMPTS
from plaudit.store.log.health import Health, apply_sums, find_health, sum_rows
from plaudit.store.log.kinds import kind_number
from plaudit.store.log.sums import HOUR_MS
from plaudit.store.log.writer import AttemptRows, Row, insert_new

LONG = "".join(chr(0x4E00 + place * 7 % 20_000) for place in range(9_000))
"""Nothing that an index could compress."""
NOW = int(time.time() * 1_000)


def rows_of(engine: Engine, *attempts: AttemptRecord) -> list[Row]:
    """Return the rows of attempts, by way of their bytes."""
    rows = AttemptRows(engine.dialect.name)
    return [rows.row(decode_attempt(encode_attempt(each))) for each in attempts]


def write(engine: Engine, *attempts: AttemptRecord) -> int:
    """Write attempts as the recorder does; return how many were new."""
    with engine.begin() as connection:
        fresh = insert_new(connection, rows_of(engine, *attempts))
        apply_sums(connection, sum_rows(fresh))
    return len(fresh)


def stored(engine: Engine) -> list[dict[str, Any]]:
    """Return the log, in order of time."""
    with reading(engine) as connection:
        query = sa.select(ATTEMPTS).order_by(ATTEMPTS.c.started_at)
        return [dict(row) for row in connection.execute(query).mappings()]


def test_an_attempt_is_read_as_it_was_recorded(engine: Engine) -> None:
    made = failed(
        error="line one\nline\ttwo \\N \\",
        answer_headers={"retry-after": "3", "x": 'a"b\\'},
        answer_snippet=bytes(range(256)),
        dns_ms=0.5,
        next_due_at=NOW + 5_000,
    )
    assert write(engine, made) == 1
    [row] = stored(engine)
    decoded = decode_attempt(encode_attempt(made))
    assert row.pop("kind") == kind_number(("testimonial.approved", "retrying", 503, "status"))
    assert not row.pop("followed")
    assert row.pop("answer_headers") == '{"retry-after":"3","x":"a\\"b\\\\"}'
    assert row == {name: decoded[name] for name in made if name != "answer_headers"}


def test_a_repeated_record_is_stored_once(engine: Engine) -> None:
    first, second, third = attempt(), attempt(), attempt()
    assert write(engine, first, first, second) == 2
    assert write(engine, second, third, first) == 1
    assert write(engine, first, second, third) == 0
    assert len(stored(engine)) == 3


def test_texts_that_a_database_would_refuse_are_cleaned_and_stored(engine: Engine) -> None:
    assert write(engine, failed(error="a\0b", endpoint_id=f"not\0a uuid{LONG}")) == 1
    [row] = stored(engine)
    assert row["error"] == "a\ufffdb"
    assert row["endpoint_id"].startswith("not\ufffda uuid")


def test_an_invalid_id_is_refused_before_anything_is_written(engine: Engine) -> None:
    rows = AttemptRows(engine.dialect.name)
    with pytest.raises(ValueError, match=r"UUID|hexadecimal"):
        rows.row({**decode_attempt(encode_attempt(attempt())), "delivery_id": "nonsense"})


def test_a_batch_that_fails_leaves_nothing(engine: Engine) -> None:
    def halfway() -> None:
        with engine.begin() as connection:
            apply_sums(connection, sum_rows(insert_new(connection, rows_of(engine, attempt()))))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        halfway()
    assert stored(engine) == []


def test_old_rows_are_deleted_and_others_stay(engine: Engine) -> None:
    days = [attempt(started_at=NOW - age * DAY_MS) for age in (0, 1, 9, 40, 400)]
    skewed = attempt(started_at=NOW + 300 * DAY_MS)
    assert write(engine, *days, skewed) == 6
    forget_before(engine, NOW - 7 * DAY_MS)
    left = {row["attempt_id"] for row in stored(engine)}
    assert left == {each["attempt_id"] for each in (*days[:2], skewed)}


def test_postgres_keeps_each_day_in_a_table_of_its_own(engine: Engine) -> None:
    if engine.dialect.name != "postgresql":
        pytest.skip("SQLite has no partitions")
    write(engine, attempt(), attempt(started_at=NOW - DAY_MS), attempt(started_at=NOW + 9 * DAY_MS))
    with reading(engine) as connection:
        tables = set(sa.inspect(connection).get_table_names())
        stray = connection.exec_driver_sql("SELECT count(*) FROM attempts_default").scalar()
    assert len([name for name in tables if name.startswith("attempts_d2")]) == 2
    assert stray == 1


def test_health_counts_an_attempt_once(engine: Engine) -> None:
    endpoint = str(uuid.uuid4())
    start = NOW // HOUR_MS * HOUR_MS
    good = attempt(endpoint_id=endpoint, started_at=start, total_ms=3.0)
    bad = failed(endpoint_id=endpoint, started_at=start + 1, total_ms=30_000.0)
    dead = failed(endpoint_id=endpoint, started_at=start + 2, outcome="DEAD", reason="exhausted")
    moved = attempt(endpoint_id=endpoint, started_at=start + 3, outcome="DIVERTED", status=None,
                    total_ms=None)  # fmt: skip
    write(engine, good, bad)
    write(engine, good, bad, dead, moved)
    with reading(engine) as connection:
        [hour] = connection.execute(sa.select(HOURS)).mappings()
        health = find_health(connection, endpoint)
    assert (hour["delivered"], hour["failed"], hour["dead"], hour["diverted"]) == (1, 2, 1, 1)
    assert sum(hour["latencies"]) == 3
    assert hour["latencies"][-1] == 1, "over the last bound"
    assert health is not None
    assert (health.failure_streak, health.failing_since) == (2, start + 1)
    assert (health.last_status, health.last_success_at) == (503, start)


@given(st.lists(st.tuples(st.booleans(), st.integers(1, 3)), min_size=1, max_size=12), st.data())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_health_is_the_same_however_attempts_are_cut_into_batches(
    outcomes: list[tuple[bool, int]], data: st.DataObject
) -> None:
    versions = sorted(version for _, version in outcomes)
    attempts = [
        (attempt if good else failed)(endpoint_id="e", started_at=NOW + at, endpoint_version=of)
        for at, ((good, _), of) in enumerate(zip(outcomes, versions, strict=True))
    ]
    rows = AttemptRows("sqlite")
    tried = sum_rows([rows.row(decode_attempt(encode_attempt(each))) for each in attempts]).tried[
        "e"
    ]
    cut = data.draw(st.integers(0, len(tried)))
    blank = Health("e", "w")
    whole, parts = blank.after(tried), blank.after(tried[:cut]).after(tried[cut:])
    assert whole == parts
    streak = 0
    for each in reversed(tried):
        if each.succeeded or each.version != tried[-1].version:
            break
        streak += 1
    assert whole.failure_streak == streak
    assert (whole.failing_since is None) == (streak == 0)
    assert whole.after(tried[:-1]) == whole, "older ones say nothing new"
