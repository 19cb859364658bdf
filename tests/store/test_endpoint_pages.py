"""Pages of endpoints: each endpoint once, in order, by an index."""

from __future__ import annotations

from dataclasses import replace
from uuid import uuid4

from sqlalchemy.engine import Engine

from plaudit.store.db.database import reading
from plaudit.store.endpoints.rows import StoredEndpoint, find_page
from plaudit.store.endpoints.service import EndpointService
from store.test_plans import asked
from store.test_service import WANTED, WORKSPACE


def test_pages_of_endpoints_hold_each_once_in_order(
    service: EndpointService,
) -> None:
    other = str(uuid4())
    for number in range(7):
        service.add(WORKSPACE, replace(WANTED, name=f"n{number}"))
        service.add(other, replace(WANTED, name=f"n{number}"))
    for workspace in (None, WORKSPACE):
        seen: list[StoredEndpoint] = []
        while page := service.page(workspace, 3, place_of(seen)):
            seen += page
        assert seen == service.list(workspace)


def place_of(seen: list[StoredEndpoint]) -> tuple[int, str] | None:
    """Return the place after which the next page begins."""
    return (seen[-1].created_at, seen[-1].endpoint_id) if seen else None


def test_a_page_of_endpoints_is_read_in_the_order_of_an_index(engine: Engine) -> None:
    for workspace in (None, WORKSPACE):
        with asked(engine) as statements, reading(engine) as connection:
            find_page(connection, workspace, 3, (5, str(uuid4())))
        [select] = [each for each in statements if each[0].startswith("SELECT")]
        with engine.connect() as connection:
            if engine.dialect.name == "sqlite":
                plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {select[0]}", select[1])
                steps = [row[3] for row in plan]
            else:
                connection.exec_driver_sql("SET enable_seqscan = off")
                plan = connection.exec_driver_sql(f"EXPLAIN {select[0]}", select[1])
                steps = [row[0] for row in plan]
                connection.rollback()
        assert any("_created" in step for step in steps), steps
        assert not any("B-TREE" in step or "Sort" in step for step in steps), steps
