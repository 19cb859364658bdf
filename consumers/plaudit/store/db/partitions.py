"""Daily Postgres partitions of the delivery log, and their removal.

The first row of a day creates its partition. A worker with a wrong clock may write a row dated far
from today: it goes to the default partition, and moves when its day gets a partition.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy.engine import Connection, Engine

from plaudit.records.times import wall_ms
from plaudit.store.db.database import translated

DAY_MS: Final = 86_400_000
FURTHEST_DAYS: Final = 60
"""Days before today that get a partition, besides the next two days."""
_AHEAD_DAYS: Final = 2
_LOCK: Final = 7_021_964_381
"""Id of the advisory lock for creating and dropping partitions."""
_AT_ONCE: Final = 5_000
"""Rows per SQLite transaction, because a deletion blocks other writers."""
_PREFIX: Final = "attempts_d"


def ensure_days(connection: Connection, moments: Iterable[int]) -> None:
    """Create the partitions for rows of these times (epoch milliseconds)."""
    today = wall_ms() // DAY_MS
    days = {moment // DAY_MS for moment in moments}
    wanted = {day for day in days if today - FURTHEST_DAYS <= day <= today + _AHEAD_DAYS}
    missing = wanted - _days(connection)
    if not missing:
        return
    connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")
    for day in sorted(missing - _days(connection)):
        _make(connection, day)


def forget_before(engine: Engine, cutoff_ms: int) -> int:
    """Delete older rows of the log; return the number of days or rows.

    Raises:
        DatabaseFailure: the database is unavailable; the next run deletes the rest.
    """
    with translated():
        if engine.dialect.name == "postgresql":
            return _drop(engine, cutoff_ms)
        return _delete(engine, cutoff_ms)


def _days(connection: Connection) -> set[int]:
    found = connection.exec_driver_sql(
        "SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid "
        "WHERE i.inhparent = 'attempts'::regclass"
    )
    names = [str(row[0]) for row in found]
    return {_day(name) for name in names if name.startswith(_PREFIX) and name[10:].isdecimal()}


def _make(connection: Connection, day: int) -> None:
    """Create a day's partition, and move its rows there from the default partition."""
    name, start, end = _name(day), day * DAY_MS, (day + 1) * DAY_MS
    within = f"started_at >= {start} AND started_at < {end}"
    for statement in (
        "LOCK TABLE attempts_default IN ACCESS EXCLUSIVE MODE",
        f"CREATE TABLE {name} (LIKE attempts INCLUDING ALL)",
        f"INSERT INTO {name} SELECT * FROM attempts_default WHERE {within}",  # noqa: S608 - numbers
        f"DELETE FROM attempts_default WHERE {within}",  # noqa: S608 - numbers of ours
        f"ALTER TABLE attempts ATTACH PARTITION {name} FOR VALUES FROM ({start}) TO ({end})",
    ):
        connection.exec_driver_sql(statement)


def _drop(engine: Engine, cutoff_ms: int) -> int:
    with engine.begin() as connection:
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")
        old = [day for day in _days(connection) if (day + 1) * DAY_MS <= cutoff_ms]
        for day in old:
            connection.exec_driver_sql(f"DROP TABLE {_name(day)}")
        connection.exec_driver_sql(
            f"DELETE FROM attempts_default WHERE started_at < {cutoff_ms}"  # noqa: S608 - a number
        )
    return len(old)


def _delete(engine: Engine, cutoff_ms: int) -> int:
    # Each half has its own index by age.
    return sum(_delete_half(engine, half, cutoff_ms) for half in ("followed", "NOT followed"))


def _delete_half(engine: Engine, half: str, cutoff_ms: int) -> int:
    some = f"SELECT rowid FROM attempts WHERE {half} AND started_at < ? LIMIT ?"  # noqa: S608 - ours
    query = f"DELETE FROM attempts WHERE rowid IN ({some})"  # noqa: S608 - text of ours
    gone = 0
    while True:
        with engine.begin() as connection:
            count = connection.exec_driver_sql(query, (cutoff_ms, _AT_ONCE)).rowcount
        gone += count
        if count < _AT_ONCE:
            return gone


def _name(day: int) -> str:
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=day)
    return f"{_PREFIX}{moment:%Y%m%d}"


def _day(name: str) -> int:
    moment = datetime.strptime(name.removeprefix(_PREFIX), "%Y%m%d").replace(tzinfo=UTC)
    return int(moment.timestamp() * 1_000) // DAY_MS
