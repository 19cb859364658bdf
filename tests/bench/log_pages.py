"""The time that a page of the log takes, with each filter: `python -m bench.log_pages URL ROWS`.

The database is migrated and filled first. So it has to be an empty one, or one that an earlier run
has filled with as many rows. Kinds are uneven: a few are most of the log, and some have three rows.
"""

from __future__ import annotations

import random
import statistics
import sys
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from plaudit.events.catalogue import CATALOGUE
from plaudit.store.db.database import connect, migrate, reading
from plaudit.store.db.partitions import DAY_MS
from plaudit.store.db.tables import ATTEMPTS, LOG_KINDS
from plaudit.store.log.kinds import Kind, kind_number
from plaudit.store.log.queries import count_deliveries, find_page
from plaudit.store.log.query import Query, State, StatusRange

DAYS: Final = 30
ENDPOINTS: Final = 2_000
WORKSPACES: Final = 200
SLOTS: Final = 2_000
ROUNDS: Final = 20
RARE_TYPE: Final = "customer.erased"
RARE_STATUS: Final = 418
ERROR: Final = "the endpoint answered with a failure"
RARE_ERROR: Final = "the certificate of the endpoint has expired"
_SPREAD: Final = random.Random(7)  # noqa: S311 - a distribution, the same in each run

TYPES: Final = [name for name in CATALOGUE if name != RARE_TYPE]
FAILURES: Final[Sequence[tuple[int | None, str]]] = (
    *((status, "status") for status in (400, 401, 403, 404, 408, 429, 500, 502, 503, 504)),
    *((None, reason) for reason in ("timeout", "connection", "tls", "dns")),
)


def workspace_of(endpoint: int) -> str:
    """Return the workspace of an endpoint: a third of all are in the first one."""
    number = 0 if endpoint % 3 == 0 else endpoint % WORKSPACES
    return str(uuid.UUID(int=0x7000 + number))


def endpoint_id(endpoint: int) -> str:
    """Return the id of an endpoint."""
    return str(uuid.UUID(int=0xE000_0000 + endpoint))


def slots() -> list[Kind]:
    """Return the kind of each slot: 92 % delivered, 5 % retried, 3 % dead."""
    made: list[Kind] = []
    for _ in range(SLOTS):
        event_type = TYPES[int(len(TYPES) * _SPREAD.random() ** 2)]
        chance = _SPREAD.random()
        if chance < 0.92:
            made.append((event_type, "delivered", 200, None))
            continue
        status, reason = FAILURES[int(len(FAILURES) * _SPREAD.random())]
        if chance < 0.97:
            made.append((event_type, "retrying", status, reason))
        else:
            made.append((event_type, "dead", status, "exhausted"))
    return made


RARE: Final[Sequence[Kind]] = (
    (RARE_TYPE, "delivered", 200, None),
    (TYPES[0], "dead", RARE_STATUS, "exhausted"),
    (TYPES[1], "retrying", None, "evicted"),
    (TYPES[2], "cancelled", None, "endpoint_deleted"),
)

FILTERS: Final[Mapping[str, Query]] = {
    "none": Query(),
    "state=delivered": Query(state=State.DELIVERED),
    "state=pending": Query(state=State.PENDING),
    "state=dead": Query(state=State.DEAD),
    "state=cancelled (rare)": Query(state=State.CANCELLED),
    "status=200": Query(status=StatusRange.parse("200")),
    "status=500": Query(status=StatusRange.parse("500")),
    "status=418 (rare)": Query(status=StatusRange(RARE_STATUS, RARE_STATUS)),
    "status=599 (none)": Query(status=StatusRange.parse("599")),
    "reason=timeout": Query(reason="timeout"),
    "reason=evicted (rare)": Query(reason="evicted"),
    "type": Query(event_type=TYPES[0]),
    "type (rare)": Query(event_type=RARE_TYPE),
    "type and dead": Query(event_type=TYPES[-1], state=State.DEAD),
    "workspace": Query(workspace_of(1)),
    "workspace and dead": Query(workspace_of(1), state=State.DEAD),
    "workspace and rare type": Query(workspace_of(1), event_type=RARE_TYPE),
    "endpoint (frequent)": Query(endpoint_id=endpoint_id(0)),
    "endpoint (seldom)": Query(endpoint_id=endpoint_id(ENDPOINTS - 1)),
    "endpoint and status=500": Query(endpoint_id=endpoint_id(3), status=StatusRange.parse("500")),
    "endpoint and status=418 (none)": Query(
        endpoint_id=endpoint_id(0), status=StatusRange(RARE_STATUS, RARE_STATUS)
    ),
    "endpoint, type and pending": Query(
        endpoint_id=endpoint_id(0), event_type=TYPES[-1], state=State.PENDING
    ),
}
DYNAMIC: Final = ("until 20 days ago and dead", "an hour and status=404", "event", "testimonial")


def queries(engine: Engine) -> dict[str, Query]:
    """Return every filter, with those that depend on what is there."""
    now_ms = int(time.time() * 1_000)
    with reading(engine) as connection:
        row = connection.execute(
            sa.select(ATTEMPTS.c.event_id, ATTEMPTS.c.subject)
            .where(ATTEMPTS.c.started_at < now_ms - 9 * DAY_MS, sa.text("NOT followed"))
            .order_by(ATTEMPTS.c.started_at.desc())
            .limit(1)
        ).one()
    hour = now_ms - 12 * DAY_MS
    moving = (
        Query(state=State.DEAD, until_ms=now_ms - 20 * DAY_MS),
        Query(status=StatusRange.parse("404"), since_ms=hour, until_ms=hour + 3_600_000),
        Query(event_id=row.event_id),
        Query(subject=row.subject),
    )
    return {**FILTERS, **dict(zip(DYNAMIC, moving, strict=True))}


def fill(engine: Engine, rows: int, endpoints: int = ENDPOINTS) -> None:
    """Fill an empty log, with its indexes built at the end where that is quicker."""
    now_ms = int(time.time() * 1_000)
    per_day = rows // DAYS
    kinds = slots()
    with engine.begin() as connection:
        every = sorted({*kinds, *RARE}, key=repr)
        names = ("event_type", "outcome", "status", "reason")
        given = [
            {"kind": kind_number(each), **dict(zip(names, each, strict=True))} for each in every
        ]
        connection.execute(LOG_KINDS.insert(), given)
    days = [now_ms // DAY_MS - age for age in range(DAYS)]
    for day in days:
        with engine.begin() as connection:
            if engine.dialect.name == "postgresql":
                _fill_postgres(connection, day, per_day, kinds, endpoints)
            else:
                _fill_sqlite(connection, day, per_day, kinds, endpoints)
    with engine.begin() as connection:
        _scatter(connection, days)
        for scope in ("''", "workspace_id", "endpoint_id"):
            connection.exec_driver_sql(
                f"INSERT INTO log_days (scope, day, kind) SELECT DISTINCT {scope}, "  # noqa: S608 - ours
                f"started_at / {DAY_MS}, kind FROM attempts"
            )
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("ANALYZE")


COLUMNS: Final = (
    "attempt_id, started_at, delivery_id, event_id, event_type, workspace_id, endpoint_id, "
    "endpoint_version, subject, origin_topic, origin_partition, origin_offset, trigger, number, "
    "outcome, reason, status, first_byte_ms, total_ms, bytes_sent, error, worker, kind, followed"
)


def _fill_postgres(
    connection: Connection, day: int, count: int, kinds: Sequence[Kind], endpoints: int
) -> None:
    """Write a day on the server: it draws the numbers itself, and builds the indexes at the end."""
    start = day * DAY_MS
    table = f"attempts_d{datetime.fromtimestamp(start / 1_000, UTC):%Y%m%d}"
    connection.exec_driver_sql(f"CREATE TABLE {table} (LIKE attempts INCLUDING DEFAULTS)")
    connection.exec_driver_sql(
        "CREATE TEMPORARY TABLE slots (n int, event_type text, outcome text, status int, "
        "reason text, kind bigint) ON COMMIT DROP"
    )
    connection.exec_driver_sql(
        "INSERT INTO slots VALUES (%s, %s, %s, %s, %s, %s)",
        [(n, *each, kind_number(each)) for n, each in enumerate(kinds)],
    )
    connection.exec_driver_sql("ANALYZE slots")
    workspace = f"CASE mod(drawn.e, 3) WHEN 0 THEN 0 ELSE mod(drawn.e, {WORKSPACES}) END"
    hexed = "lpad(to_hex({}), 12, '0')"
    connection.exec_driver_sql(
        f"INSERT INTO {table} ({COLUMNS}) "  # noqa: S608 - numbers and names of ours
        f"SELECT gen_random_uuid(), {start} + drawn.at, gen_random_uuid(), "
        f"gen_random_uuid(), slots.event_type, "
        f"'00000000-0000-0000-0000-' || {hexed.format(f'{0x7000} + {workspace}')}, "
        f"'00000000-0000-0000-0000-' || {hexed.format(f'{0xE000_0000}::bigint + drawn.e')}, "
        "1, gen_random_uuid()::text, 'plaudit.testimonials', 3, drawn.g, 'event', 1, "
        "slots.outcome, slots.reason, slots.status, 3.25, 3.5, 1204, "
        f"CASE WHEN slots.outcome <> 'delivered' THEN '{ERROR}' END, "
        "'deliver-1:17', slots.kind, slots.outcome = 'retrying' AND drawn.f < 0.97 FROM ("
        f"SELECT g, (random() * {DAY_MS - 1})::bigint at, floor(random() * {SLOTS})::int n, "
        f"floor(power(random(), 3) * {endpoints})::int e, random() f "
        f"FROM generate_series(1, {count}) g OFFSET 0) drawn JOIN slots USING (n)"
    )
    connection.exec_driver_sql(
        f"ALTER TABLE attempts ATTACH PARTITION {table} FOR VALUES FROM ({start}) "
        f"TO ({start + DAY_MS})"
    )


def _fill_sqlite(
    connection: Connection, day: int, count: int, kinds: Sequence[Kind], endpoints: int
) -> None:
    names = COLUMNS.split(", ")
    marks = ", ".join("?" * len(names))
    rows = list(_drawn(day, count, kinds, endpoints))
    connection.exec_driver_sql(f"INSERT INTO attempts ({COLUMNS}) VALUES ({marks})", rows)  # noqa: S608 - ours


def _drawn(
    day: int, count: int, kinds: Sequence[Kind], endpoints: int
) -> Iterator[tuple[Any, ...]]:
    numbers = [kind_number(each) for each in kinds]
    draw = _SPREAD.random
    ids = _SPREAD.randbytes
    for offset in range(count):
        slot = int(draw() * SLOTS)
        event_type, outcome, status, reason = kinds[slot]
        number = int(draw() ** 3 * endpoints)
        yield (
            ids(16), day * DAY_MS + int(draw() * DAY_MS), ids(16), ids(16), event_type,
            workspace_of(number), endpoint_id(number), 1, str(uuid.UUID(bytes=ids(16))),
            "plaudit.testimonials", 3, offset, "event", 1, outcome, reason, status, 3.25, 3.5,
            1_204, None if outcome == "delivered" else ERROR,
            "deliver-1:17", numbers[slot], outcome == "retrying" and draw() < 0.97,
        )  # fmt: skip


def _scatter(connection: Connection, days: Sequence[int]) -> None:
    """Turn three rows of different days into each rare kind."""
    for place, kind in enumerate(RARE):
        for day in days[1 + place : 25 : 10]:
            first = (
                sa.select(ATTEMPTS.c.attempt_id, ATTEMPTS.c.started_at)
                .where(ATTEMPTS.c.started_at >= day * DAY_MS, sa.text("NOT followed"))
                .order_by(ATTEMPTS.c.started_at)
                .limit(1)
            )
            row = connection.execute(first).one()
            connection.execute(
                ATTEMPTS.update()
                .where(ATTEMPTS.c.attempt_id == row[0], ATTEMPTS.c.started_at == row[1])
                .values(
                    event_type=kind[0], outcome=kind[1], status=kind[2], reason=kind[3],
                    kind=kind_number(kind),
                    error=None if kind[1] == "delivered" else RARE_ERROR,
                )
            )  # fmt: skip


def measure(engine: Engine) -> dict[str, tuple[float, float, float]]:
    """Return the milliseconds of each filter: median and p95 of a page, and p95 of its count."""
    found = {}
    for name, query in queries(engine).items():
        pages, counts = [], []
        for _ in range(ROUNDS):
            with reading(engine) as connection:
                began = time.perf_counter()
                find_page(connection, query)
                middle = time.perf_counter()
                count_deliveries(connection, query)
                counts.append((time.perf_counter() - middle) * 1_000)
                pages.append((middle - began) * 1_000)
        found[name] = statistics.median(pages), _p95(pages), _p95(counts)
    return found


def _p95(values: Sequence[float]) -> float:
    return sorted(values)[int(len(values) * 0.95)]


def main(url: str, rows: int) -> None:
    """Fill if needed, measure, print."""
    engine = connect(url)
    migrate(engine)
    with reading(engine) as connection:
        empty = connection.execute(sa.select(ATTEMPTS.c.kind).limit(1)).one_or_none() is None
    if empty:
        began = time.perf_counter()
        fill(engine, rows)
        print(f"filled with {rows:,} rows in {time.perf_counter() - began:.0f} s")
    print(f"{'filter':34} page median     p95   count p95, in ms")
    for name, (median, slowest, count) in measure(engine).items():
        print(f"{name:34} {median:11.1f} {slowest:7.1f} {count:11.1f}")
    engine.dispose()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
