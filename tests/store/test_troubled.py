"""Endpoints in trouble: found in order and counted, by indexes that have no other endpoints."""

from __future__ import annotations

import time
from dataclasses import replace
from uuid import uuid4

from sqlalchemy.engine import Connection, Engine

from attempts import attempt, failed
from plaudit.records.attempt import decode_attempt, encode_attempt
from plaudit.store.db.database import reading
from plaudit.store.endpoints.service import EndpointService
from plaudit.store.log.health import apply_sums, sum_rows
from plaudit.store.log.overview import Trouble, count_endpoints, first_troubled, troubled
from plaudit.store.log.writer import AttemptRows, insert_new
from store.test_plans import asked
from store.test_service import WANTED, WORKSPACE

NOW = int(time.time() * 1_000)


def every(connection: Connection, workspace_id: str | None, most: int) -> list[Trouble]:
    """Return all endpoints in trouble, page by page."""
    found: list[Trouble] = []
    while page := troubled(connection, workspace_id, most, found[-1] if found else None):
        found += page
    return found


def test_endpoints_in_trouble_come_in_pages_the_longest_first(
    engine: Engine, service: EndpointService
) -> None:
    other = str(uuid4())
    made = [
        service.add(WORKSPACE if number < 4 else other, replace(WANTED, name=f"n{number}")).endpoint
        for number in range(6)
    ]
    rows = AttemptRows(engine.dialect.name)
    for number, each in enumerate(made[:-1]):
        tried = (attempt if number == 0 else failed)(
            endpoint_id=each.endpoint_id,
            workspace_id=each.workspace_id,
            endpoint_version=each.version,
            started_at=NOW - number * 1_000,
        )
        with engine.begin() as connection:
            record = rows.row(decode_attempt(encode_attempt(tried)))
            apply_sums(connection, sum_rows(insert_new(connection, [record])))
    service.disable(made[1].endpoint_id, "paused")
    service.disable(made[5].endpoint_id, "never tried")
    with reading(engine) as connection:
        for workspace, numbers in (
            (None, (4, 3, 2, 1, 5)),
            (WORKSPACE, (3, 2, 1)),
            (other, (4, 5)),
        ):
            found = every(connection, workspace, 2)
            assert [each.endpoint_id for each in found] == [made[at].endpoint_id for at in numbers]
            total, first = first_troubled(connection, workspace, 2)
            assert (total, list(first)) == (len(numbers), found[:2])
        assert count_endpoints(connection, None) == len(made)
        assert count_endpoints(connection, other) == 2


def test_endpoints_in_trouble_are_found_without_reading_the_others(engine: Engine) -> None:
    for workspace in (None, WORKSPACE):
        with asked(engine) as statements, reading(engine) as connection:
            troubled(connection, workspace, 10)
            first_troubled(connection, workspace, 10)
        selects = [each for each in statements if each[0].startswith("SELECT")]
        assert len(selects) == 3
        for statement, given in selects:
            with engine.connect() as connection:
                if engine.dialect.name == "sqlite":
                    plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", given)
                    steps = [row[3] for row in plan]
                else:
                    connection.exec_driver_sql("SET enable_seqscan = off")
                    plan = connection.exec_driver_sql(f"EXPLAIN {statement}", given)
                    steps = [row[0] for row in plan]
                    connection.rollback()
            for index in ("endpoints_off", "endpoint_health_failing"):
                assert any(index in step for step in steps), steps
