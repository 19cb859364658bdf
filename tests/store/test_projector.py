"""From the bytes of attempts to the log and to disabled endpoints, on SQLite and on Postgres."""

from __future__ import annotations

import os
import time
import uuid
from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from attempts import WORKSPACE, attempt, failed
from plaudit.endpoints.keys import SecretKeys
from plaudit.endpoints.opening import EncryptedFields, seal
from plaudit.recorder.projector import Projector, Read
from plaudit.records.attempt import AttemptRecord, encode_attempt
from plaudit.store.db.database import DatabaseFailure, reading
from plaudit.store.db.tables import ATTEMPTS, NOTICES, OUTBOX, WORKSPACES
from plaudit.store.endpoints import rows
from plaudit.store.endpoints.rows import StoredEndpoint

DAY_MS = 86_400_000
AFTER_MS = 5 * DAY_MS
NOW = int(time.time() * 1_000)


def read(*attempts: AttemptRecord) -> list[Read]:
    """Return attempts as the recorder reads them."""
    return [Read("attempts", 0, at, encode_attempt(each)) for at, each in enumerate(attempts)]


@pytest.fixture
def endpoint(engine: Engine) -> StoredEndpoint:
    """An active endpoint at version 3, in a workspace with another one that receives notices."""
    endpoint_id = str(uuid.uuid4())
    sealed = seal(
        SecretKeys([os.urandom(32)]), endpoint_id, EncryptedFields("https://x.example/", {}, [])
    )
    made = StoredEndpoint(
        endpoint_id, WORKSPACE, "crm", 3, sealed, (), (), "standard", None, None, "active", None,
        None, 0, announced=True, created_at=0, updated_at=0,
    )  # fmt: skip
    with engine.begin() as connection:
        rows.insert(connection, made)
        connection.execute(OUTBOX.delete())
        connection.execute(
            WORKSPACES.insert().values(
                workspace_id=WORKSPACE, notify_endpoint_id=str(uuid.uuid4()), created_at=0,
                updated_at=0,
            )
        )  # fmt: skip
    return made


def state(engine: Engine, endpoint: StoredEndpoint) -> StoredEndpoint:
    """Return the endpoint as it is now."""
    with reading(engine) as connection:
        found = rows.find(connection, endpoint.endpoint_id)
    assert found is not None
    return found


def counted(engine: Engine, table: sa.Table) -> int:
    """Return how many rows a table has."""
    with reading(engine) as connection:
        return connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()


def of(endpoint: StoredEndpoint, **given: Any) -> AttemptRecord:
    """Return a failed attempt at the endpoint's version."""
    said = {"endpoint_id": endpoint.endpoint_id, "endpoint_version": 3}
    return failed(**{**said, **given})


def test_an_endpoint_that_is_gone_is_disabled_with_its_rows_and_announced(
    engine: Engine, endpoint: StoredEndpoint
) -> None:
    projector = Projector(engine, AFTER_MS)
    projector.project(read(of(endpoint, outcome="GONE", status=410, reason="gone"), of(endpoint)))
    now = state(engine, endpoint)
    assert (now.status, now.version, now.status_reason) == (
        "disabled", 4, "gone: it answered 410",
    )  # fmt: skip
    assert (counted(engine, OUTBOX), counted(engine, NOTICES)) == (1, 1)
    assert projector.counts.disabled == 1


def test_an_endpoint_is_disabled_when_every_attempt_failed_for_days(
    engine: Engine, endpoint: StoredEndpoint
) -> None:
    projector = Projector(engine, AFTER_MS)
    projector.project(read(of(endpoint, started_at=NOW - AFTER_MS)))
    projector.project(read(of(endpoint, started_at=NOW - 1)))
    assert state(engine, endpoint).status == "active", "a moment is missing"
    projector.project(read(of(endpoint, started_at=NOW)))
    assert state(engine, endpoint).status_reason == "failing: every attempt failed for 5 days"


def test_one_success_restarts_the_time_to_disabling(
    engine: Engine, endpoint: StoredEndpoint
) -> None:
    projector = Projector(engine, AFTER_MS)
    good = attempt(endpoint_id=endpoint.endpoint_id, endpoint_version=3, started_at=NOW - 5_000)
    projector.project(
        read(of(endpoint, started_at=NOW - AFTER_MS), good, of(endpoint, started_at=NOW))
    )
    assert state(engine, endpoint).status == "active"


def test_attempts_of_a_former_version_do_not_affect_the_endpoint(
    engine: Engine, endpoint: StoredEndpoint
) -> None:
    projector = Projector(engine, AFTER_MS)
    projector.project(read(of(endpoint, endpoint_version=2, outcome="GONE", status=410)))
    assert state(engine, endpoint) == endpoint
    with engine.begin() as connection:
        rows.update(connection, replace(endpoint, version=4, status="disabled"))
    projector.project(read(of(endpoint, endpoint_version=4, outcome="GONE", status=410)))
    assert state(engine, endpoint).version == 4, "it is disabled already"


def test_a_rebuild_writes_the_log_and_nothing_else(
    engine: Engine, endpoint: StoredEndpoint
) -> None:
    Projector(engine, None).project(read(of(endpoint, outcome="GONE", status=410)))
    assert state(engine, endpoint) == endpoint
    assert counted(engine, ATTEMPTS) == 1
    assert (counted(engine, OUTBOX), counted(engine, NOTICES)) == (0, 0)


def test_records_that_are_not_attempts_are_skipped_and_the_others_written(engine: Engine) -> None:
    projector = Projector(engine, AFTER_MS)
    batch = read(attempt(), attempt(delivery_id="nonsense"), attempt())
    batch.insert(1, Read("attempts", 0, 9, b"\xc3\x01nonsense"))
    batch.insert(1, Read("attempts", 0, 9, batch[0].value[:-3]))
    batch.insert(1, Read("attempts", 0, 9, b""))
    projector.project(batch)
    assert counted(engine, ATTEMPTS) == 2
    assert (projector.counts.written, projector.counts.unreadable) == (2, 4)


def test_a_row_that_the_database_refuses_does_not_block_the_others(engine: Engine) -> None:
    if engine.dialect.name == "sqlite":
        pytest.skip("SQLite refuses nothing that can be decoded")
    with engine.begin() as connection:
        connection.execute(sa.text("ALTER TABLE attempts ADD CHECK (status <> 418)"))
    projector = Projector(engine, AFTER_MS)
    projector.project(read(attempt(), attempt(status=418), attempt()))
    assert (projector.counts.written, projector.counts.unreadable) == (2, 1)


def test_an_unavailable_database_stores_nothing_and_raises(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(sa.text("ALTER TABLE attempts RENAME TO elsewhere"))
    projector = Projector(engine, AFTER_MS)
    with pytest.raises(DatabaseFailure):
        projector.project(read(attempt()))
    with engine.begin() as connection:
        connection.execute(sa.text("ALTER TABLE elsewhere RENAME TO attempts"))
    projector.project(read(attempt()))
    assert (counted(engine, ATTEMPTS), projector.counts.written) == (1, 1)


def test_a_batch_for_many_endpoints_takes_no_more_statements_than_for_one(engine: Engine) -> None:
    projector, executed = Projector(engine, AFTER_MS), []

    @sa.event.listens_for(engine, "before_cursor_execute")
    def note(*given: Any) -> None:
        _, _, statement, values, _, is_many = given
        if not is_many or ATTEMPTS.name not in statement:
            executed.extend([statement] * (len(values) if is_many else 1))

    for count in (1, 600):
        executed.clear()
        projector.project(read(*(attempt(endpoint_id=str(uuid.uuid4())) for _ in range(count))))
        assert len(executed) < 40, executed
