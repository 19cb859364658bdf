"""The time to the first byte of every page of the console, and its size over the wire.

`python -m bench.console_pages ROWS [--endpoints N] [--url URL]` fills an empty database first:
SQLite in a temporary file, or the one of the URL. One that an earlier run has filled is measured
as it is.

As in `plaudit serve`, templates are compiled and names and hosts of endpoints are read before the
first request, and the garbage collector spares what exists by then. Each page is asked for once
before it is measured; that time stands in the output, too.
"""

from __future__ import annotations

import argparse
import math
import statistics
import tempfile
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import httpx
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from bench.log_pages import (
    DAYS,
    ENDPOINTS,
    RARE_STATUS,
    RARE_TYPE,
    endpoint_id,
    fill,
    workspace_of,
)
from console.rig import Rig, rig
from console.scene import letter
from plaudit.cli.commands.serve import COLLECT_AFTER
from plaudit.console.rendering import compile_templates
from plaudit.dlq.letters.letter import Letter
from plaudit.endpoints.signing import new_secret
from plaudit.events.encoding import encode
from plaudit.events.examples import example
from plaudit.kafka.read.record_reader import StoredRecord
from plaudit.runtime.gc_tuning import spare_the_collector
from plaudit.store.access.api_keys import Scope
from plaudit.store.access.sessions import SessionGrant, SessionService, WebApp
from plaudit.store.db.database import connect, migrate, reading
from plaudit.store.db.payload_table import PAYLOADS
from plaudit.store.db.statistics_tables import (
    HEALTH,
    HOURS,
    MINUTES,
    TOTAL_HOURS,
    TOTAL_MINUTES,
    WORKSPACE_HOURS,
    WORKSPACE_MINUTES,
)
from plaudit.store.db.tables import ATTEMPTS
from plaudit.store.db.tables import ENDPOINTS as TABLE
from plaudit.store.endpoints import rows
from plaudit.store.endpoints.spec import EndpointSpec
from plaudit.store.endpoints.transitions import new_endpoint
from plaudit.store.log.health import Health, sum_rows
from plaudit.store.log.payloads import PayloadKey, PayloadStore
from plaudit.store.log.sums import HourSum
from plaudit.store.log.writer import COLUMNS

ROUNDS: Final = 40
LETTERS: Final = 5_000
EVENTS: Final = 100_000
"""Stored events: those of the latest attempts."""
SECRET: Final = b"a key that all runs have for ever"[:32]
_DAY_MS: Final = 86_400_000


@dataclass(frozen=True, slots=True)
class PageTime:
    """Times of one page in milliseconds, and its bytes, compressed.

    Attributes:
        cpu_ms: processor time of a request, of server and client together; it says more than the
            others on a machine that does other work at the same time.
        first_ms: time of the very first request, whole.
    """

    name: str
    cpu_ms: float
    median_ms: float
    p95_ms: float
    size: int
    first_ms: float


def addresses(made: Rig, endpoints: int, workspace_id: str | None = None) -> dict[str, str]:
    """Return the address of each page by name, for all workspaces or for one."""
    # Both are in the largest workspace.
    busy, seldom = endpoint_id(0), endpoint_id((endpoints - 1) // 3 * 3)
    with reading(made.services.engine) as connection:
        latest = connection.execute(
            sa.select(ATTEMPTS.c.delivery_id, ATTEMPTS.c.event_id, ATTEMPTS.c.subject)
            .where(ATTEMPTS.c.endpoint_id == busy, sa.text("NOT followed"))
            .order_by(ATTEMPTS.c.started_at.desc())
            .limit(1)
        ).one()
    found = {
        "overview, a day": "",
        "overview, an hour": "?range=1h",
        "overview, a week": "?range=7d",
        "endpoints": "/endpoints",
        "endpoints, in trouble": "/endpoints?state=trouble",
        "endpoints, of a name": "/endpoints?q=hook-19",
        "endpoints, of a host": "/endpoints?q=9998.example.com",
        "endpoint, the busiest": f"/endpoints/{busy}",
        "endpoint, seldom used": f"/endpoints/{seldom}",
        "endpoint, its form": f"/endpoints/{busy}/edit",
        **_lists(busy, latest.subject),
        "delivery": f"/deliveries/{latest.delivery_id}",
        "delivery, its request": f"/deliveries/{latest.delivery_id}/request",
        "trace": f"/trace/{latest.event_id}",
        "search, an id": f"/search?q={latest.delivery_id}",
        "search, a name": "/search?q=hook-19",
        "dead letters": "/dead-letters",
        "jobs": "/jobs",
        "replay": "/replay",
        "events": "/events",
        "event type": "/events/testimonial.approved",
        "sessions": "/settings/sessions",
        "audit log": "/settings/audit",
    }
    if workspace_id is None:
        found["keys"] = "/settings/keys"
    return found


def _lists(busy: str, subject: str) -> dict[str, str]:
    """Return the addresses of the list of deliveries, by their filters."""
    return {
        "deliveries": "/deliveries",
        "deliveries, dead": "/deliveries?state=dead",
        "deliveries, cancelled (rare)": "/deliveries?state=cancelled",
        "deliveries, status 500": "/deliveries?status=500",
        "deliveries, status 5xx": "/deliveries?status=5xx",
        f"deliveries, status {RARE_STATUS} (rare)": f"/deliveries?status={RARE_STATUS}",
        "deliveries, status 599 (none)": "/deliveries?status=599",
        "deliveries, a rare type": f"/deliveries?type={RARE_TYPE}",
        "deliveries, of an endpoint": f"/deliveries?endpoint={busy}&state=dead",
        "deliveries, of a testimonial": f"/deliveries?subject={subject}",
        "deliveries, an hour": "/deliveries?since=1h&status=404",
        "deliveries, a week": "/deliveries?since=7d&state=waiting",
        "deliveries, until 20 days ago": "/deliveries?until=20d&state=dead",
        "deliveries, error (frequent)": "/deliveries?error=failure",
        "deliveries, error (rare)": "/deliveries?error=certificate",
        "deliveries, error of an endpoint": f"/deliveries?error=certificate&endpoint={busy}",
        "deliveries, bulk retry": "/deliveries/retry?state=dead",
        "deliveries, bulk retry (rare)": f"/deliveries/retry?status={RARE_STATUS}",
    }


def prepare(made: Rig, endpoints: int) -> None:
    """Add the endpoints of the log, their health of a day, and dead letters."""
    engine = made.services.engine
    with reading(engine) as connection:
        empty = {
            table.name
            for table in (TABLE, HEALTH, PAYLOADS)
            if connection.execute(sa.select(sa.literal(1)).select_from(table).limit(1)).first()
            is None
        }
    if TABLE.name in empty:
        _add_endpoints(made, endpoints)
    if HEALTH.name in empty:
        _add_health(engine)
    if PAYLOADS.name in empty:
        _store_events(made)


def _add_endpoints(made: Rig, count: int) -> None:
    now_ms = int(time.time() * 1_000)
    endpoints = [
        new_endpoint(
            made.services.secrets,
            EndpointSpec(f"https://hook-{number}.example.com/plaudit", name=f"hook-{number}"),
            workspace_of(number),
            endpoint_id(number),
            new_secret(),
            now_ms - DAYS * _DAY_MS + number,
        )
        for number in range(count)
    ]
    with made.services.engine.begin() as connection:
        rows.insert_all(connection, endpoints)


def _add_health(engine: Engine) -> None:
    """Sum up the attempts of the last day; the tables are empty, so each row is written once."""
    since = int(time.time() * 1_000) - _DAY_MS
    query = sa.select(*(ATTEMPTS.c[name] for name in COLUMNS)).where(ATTEMPTS.c.started_at > since)
    with reading(engine) as connection:
        sums = sum_rows(tuple(row) for row in connection.execute(query))
    healths = [
        asdict(Health(one, workspace).after(sums.tried[one]))
        for one, workspace in sums.workspaces.items()
    ]
    with engine.begin() as connection:
        connection.execute(HEALTH.insert(), healths)
        for table, workspaces, totals, each in (
            (HOURS, WORKSPACE_HOURS, TOTAL_HOURS, sums.hours),
            (MINUTES, WORKSPACE_MINUTES, TOTAL_MINUTES, sums.minutes),
        ):
            # Totals begin with their first row: here, before the day.
            first = min(at for _, at in each) - 1
            by_workspace, whole = {("", first): HourSum("")}, {("", first): HourSum("")}
            for (_, at), more in each.items():
                key = more.workspace_id, at
                by_workspace.setdefault(key, HourSum(more.workspace_id)).add(more)
                whole.setdefault(("", at), HourSum("")).add(more)
            connection.execute(table.insert(), _rows(table, each))
            connection.execute(workspaces.insert(), _rows(workspaces, by_workspace))
            connection.execute(totals.insert(), _rows(totals, whole))


def _store_events(made: Rig) -> None:
    """Store the events of the latest attempts, as with PLAUDIT_PAYLOAD_DAYS."""
    query = (
        sa.select(ATTEMPTS.c.event_id, ATTEMPTS.c.workspace_id, ATTEMPTS.c.started_at)
        .order_by(ATTEMPTS.c.started_at.desc())
        .limit(EVENTS)
    )
    with reading(made.services.engine) as connection:
        wanted = connection.execute(query).all()
    event = example("testimonial.approved")
    records = {}
    for event_id, workspace_id, at_ms in wanted:
        meta = event.meta.model_copy(update={"event_id": uuid.UUID(event_id)})
        value = encode(event.model_copy(update={"meta": meta}))
        records[PayloadKey(event_id, workspace_id)] = StoredRecord(value, b"key", [], at_ms)
    PayloadStore(made.services.engine, made.services.secrets).add(
        wanted[0].started_at // _DAY_MS, records
    )


def _rows(table: sa.Table, sums: Mapping[tuple[str, int], HourSum]) -> list[dict[str, Any]]:
    """Return the rows of a table of sums, with the columns that it has."""
    names = [column.name for column in table.columns]
    moment = "hour" if "hour" in names else "minute"
    rows = []
    for (one, at), each in sums.items():
        row = {"endpoint_id": one, moment: at}
        rows.append({name: row.get(name, getattr(each, name, None)) for name in names})
    return rows


def measure(made: Rig, endpoints: int = ENDPOINTS) -> dict[str, list[PageTime]]:
    """Return the times of every page by face: for operators, and for the largest workspace."""
    largest = workspace_of(0)
    token, _ = SessionService(made.services.engine).create_link(
        SessionGrant(WebApp.PORTAL, "bench", Scope.WORKSPACE, largest), _DAY_MS, _DAY_MS
    )
    portal = made.browser(None).client
    assert portal.post("/portal/enter", data={"token": token}).is_redirect
    return {
        "console": _face(made.browser().client, "/console", addresses(made, endpoints)),
        "portal": _face(portal, "/portal", addresses(made, endpoints, largest)),
    }


def _face(client: httpx.Client, base: str, pages: Mapping[str, str]) -> list[PageTime]:
    return [_measured(client, name, base + at) for name, at in pages.items()]


def _measured(client: httpx.Client, name: str, url: str) -> PageTime:
    began = time.perf_counter()
    client.get(url)
    first_ms = (time.perf_counter() - began) * 1_000
    times, spent, size = [], [], 0
    for _ in range(ROUNDS):
        began, used = time.perf_counter(), time.process_time()
        with client.stream("GET", url) as response:
            times.append((time.perf_counter() - began) * 1_000)
            size = sum(len(piece) for piece in response.iter_raw())
        spent.append((time.process_time() - used) * 1_000)
        assert response.status_code in {200, 303}, f"{url}: {response.status_code}"
    # The nearest rank: of 40 times, two are longer.
    p95 = sorted(times)[math.ceil(len(times) * 0.95) - 1]
    return PageTime(name, statistics.median(spent), statistics.median(times), p95, size, first_ms)


@contextmanager
def filled(count: int, url: str | None = None, endpoints: int = ENDPOINTS) -> Iterator[Rig]:
    """Serve a console over a log of this number of rows."""
    with tempfile.TemporaryDirectory() as folder:
        at = url or f"sqlite:///{Path(folder) / 'plaudit.db'}"
        engine = connect(at)
        migrate(engine)
        with reading(engine) as connection:
            is_empty = connection.execute(sa.select(ATTEMPTS.c.kind).limit(1)).first() is None
        if is_empty:
            fill(engine, count, endpoints)
        engine.dispose()
        with rig(Path(folder), database=at, secret=SECRET) as made:
            prepare(made, endpoints)
            for number in range(LETTERS):
                made.letters.add(_letter(made, number))
            yield made


def _letter(made: Rig, number: int) -> Letter:
    at = int(time.time() * 1_000) - number * 1_000
    owner = endpoint_id(number % ENDPOINTS)
    return letter(made, owner, "exhausted", "503", number, at)


def table(found: Sequence[PageTime]) -> Iterator[str]:
    """Yield the lines of a Markdown table."""
    yield "| page | CPU | first byte, median | p95 | first request | bytes |"
    yield "|---|---|---|---|---|---|"
    for each in found:
        times = " | ".join(
            f"{each_ms:.0f} ms"
            for each_ms in (each.cpu_ms, each.median_ms, each.p95_ms, each.first_ms)
        )
        yield f"| {each.name} | {times} | {each.size:,} |"


def assets_size(made: Rig) -> Mapping[str, int]:
    """Return the bytes over the wire of each file that a first page loads."""
    client = made.browser(None).client
    page = client.get("/console/sign-in").text
    urls = {part.partition('"')[0] for part in page.split('"/console/static/')[1:]}
    sizes = {}
    for each in sorted(urls):
        with client.stream("GET", f"/console/static/{each}") as response:
            sizes[each.rpartition("/")[2]] = sum(len(piece) for piece in response.iter_raw())
    return sizes


def main() -> None:
    """Fill if needed, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rows", type=int, help="attempts in the log")
    parser.add_argument("--endpoints", type=int, default=ENDPOINTS, metavar="N")
    parser.add_argument("--url", help="an empty database, or one of an earlier run")
    given = parser.parse_args()
    with filled(given.rows, given.url, given.endpoints) as made:
        print(f"{given.rows:,} rows, {given.endpoints:,} endpoints, {LETTERS:,} dead letters")
        # As the server does while it starts.
        compile_templates()
        spare_the_collector(COLLECT_AFTER)
        began, used = time.perf_counter(), time.process_time()
        made.app.state.console.index.fill()
        took_s, cpu_s = time.perf_counter() - began, time.process_time() - used
        print(f"index of endpoints filled in {took_s:.1f} s, {cpu_s:.1f} s of CPU")
        for face, found in measure(made, given.endpoints).items():
            print(f"\n{face}, p95 {max(each.p95_ms for each in found):.0f} ms at most\n")
            print("\n".join(table(found)))
        sizes = assets_size(made)
        print(f"\nfiles of a first page: {sum(sizes.values()):,} bytes {sizes}")


if __name__ == "__main__":
    main()
