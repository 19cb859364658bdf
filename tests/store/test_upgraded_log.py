"""Upgrade of a log that an earlier release has written: its indexes are built, its rows found."""

from __future__ import annotations

import time
import uuid

import alembic.command
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from attempts import attempt
from plaudit.records.attempt import decode_attempt, encode_attempt
from plaudit.store.db.database import migrate, reading
from plaudit.store.db.migrate import configured
from plaudit.store.db.partitions import DAY_MS
from plaudit.store.log.labels import label_rows
from plaudit.store.log.queries import find_page
from plaudit.store.log.query import Query, StatusRange

NOW = int(time.time() * 1_000)
BEFORE = "0003"


def test_a_log_with_days_is_given_its_indexes_and_keeps_its_rows(engine: Engine) -> None:
    with engine.begin() as connection:
        for name in sa.inspect(connection).get_table_names():
            connection.exec_driver_sql(
                f"DROP TABLE IF EXISTS {name}"
                + (" CASCADE" if engine.dialect.name == "postgresql" else "")
            )
        config = configured(connection)
        alembic.command.upgrade(config, BEFORE)
        if engine.dialect.name == "postgresql":
            start = NOW // DAY_MS * DAY_MS
            connection.exec_driver_sql(
                f"CREATE TABLE attempts_d{time.strftime('%Y%m%d', time.gmtime(NOW / 1_000))} "
                f"PARTITION OF attempts FOR VALUES FROM ({start}) TO ({start + DAY_MS})"
            )
        old = sa.Table("attempts", sa.MetaData(), autoload_with=connection)
        made = decode_attempt(encode_attempt(attempt(started_at=NOW, status=201)))
        values = {name: value for name, value in made.items() if name in old.c}
        if engine.dialect.name == "sqlite":
            for name in ("attempt_id", "delivery_id", "event_id"):
                values[name] = uuid.UUID(values[name]).bytes
        connection.execute(old.insert().values(values))
    migrate(engine)
    migrate(engine)
    with reading(engine) as connection:
        [found] = find_page(connection, Query(status=StatusRange.parse("201"))).deliveries
        names = {each["name"] for each in sa.inspect(connection).get_indexes("attempts")}
        if engine.dialect.name == "postgresql":
            broken = "SELECT count(*) FROM pg_index WHERE NOT indisvalid"
            assert connection.exec_driver_sql(broken).scalar() == 0
    assert found.attempt_id == made["attempt_id"]
    assert {"attempts_kind", "attempts_endpoint_kind", "attempts_latest"} <= names
    assert not names & {"attempts_age", "attempts_endpoint", "attempts_workspace"}
    assert label_rows(engine) == 1
