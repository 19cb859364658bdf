"""Operational events of a workspace: each once, and none about the endpoint that receives it."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from attempts import WORKSPACE, attempt, failed
from databases import new_sqlite
from plaudit.recorder.projector import Projector, Read
from plaudit.records.attempt import AttemptRecord, encode_attempt
from plaudit.store.db.tables import NOTICES, WORKSPACES
from plaudit.store.endpoints.notices import NoticeType, add_notice
from plaudit.store.jobs.job_model import JobKind, JobState
from plaudit.store.jobs.job_service import JobService
from plaudit.store.jobs.queue import JobQueue

NOW = int(time.time() * 1_000)
TARGET = str(uuid.uuid4())
ENDPOINT = str(uuid.uuid4())


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    """A database whose workspace wants every type."""
    made = new_sqlite(tmp_path / "plaudit.db")
    subscribe(made, *NoticeType)
    yield made
    made.dispose()


def subscribe(engine: Engine, *types: NoticeType) -> None:
    """Choose the types that the workspace receives."""
    row = {"notify_endpoint_id": TARGET, "notify_types": [str(each) for each in types]}
    with engine.begin() as connection:
        connection.execute(WORKSPACES.delete())
        connection.execute(
            WORKSPACES.insert().values(workspace_id=WORKSPACE, created_at=0, updated_at=0, **row)
        )


def project(engine: Engine, *attempts: AttemptRecord, failing_after: int = 3) -> None:
    """Record attempts as a batch of their own."""
    records = [Read("t", 0, at, encode_attempt(each)) for at, each in enumerate(attempts)]
    Projector(engine, 10**12, failing_after).project(records)


def told(engine: Engine) -> list[tuple[str, dict[str, Any]]]:
    """Return the notices in order."""
    with engine.connect() as connection:
        found = connection.execute(sa.select(NOTICES.c.type, NOTICES.c.data))
        return [(row.type, row.data) for row in found]


def failures(count: int, start: int, **given: Any) -> list[AttemptRecord]:
    """Return failed attempts, one millisecond apart."""
    given = {"endpoint_id": ENDPOINT, **given}
    return [failed(started_at=NOW + start + at, **given) for at in range(count)]


def test_an_endpoint_fails_and_recovers_once_however_long_it_takes(engine: Engine) -> None:
    project(engine, *failures(2, 0))
    assert told(engine) == []
    project(engine, *failures(2, 10))
    project(engine, *failures(5, 20))
    project(engine, attempt(endpoint_id=ENDPOINT, started_at=NOW + 30))
    project(engine, attempt(endpoint_id=ENDPOINT, started_at=NOW + 40))
    (first, failing), (second, recovered) = told(engine)
    assert (first, second) == ("endpoint.failing", "endpoint.recovered")
    assert failing["failure_streak"] == 4
    assert failing["failing_since"].endswith("Z")
    assert recovered["endpoint_id"] == ENDPOINT


def test_dead_deliveries_of_a_batch_are_one_notice(engine: Engine) -> None:
    dead = failures(25, 0, outcome="DEAD", reason="exhausted")
    project(engine, *dead, failing_after=1_000)
    [(kind, data)] = told(engine)
    assert (kind, data["count"], data["reason"]) == ("delivery.exhausted", 25, "exhausted")
    assert data["delivery_ids"] == [each["delivery_id"] for each in dead[:20]]


def test_the_notification_endpoint_receives_no_notice_about_itself(engine: Engine) -> None:
    project(engine, *failures(5, 0, endpoint_id=TARGET, outcome="DEAD", reason="exhausted"))
    assert told(engine) == []


def test_a_workspace_receives_the_types_that_it_chose(engine: Engine) -> None:
    subscribe(engine, NoticeType.RECOVERED)
    project(engine, *failures(5, 0))
    project(engine, attempt(endpoint_id=ENDPOINT, started_at=NOW + 50))
    assert [kind for kind, _ in told(engine)] == ["endpoint.recovered"]
    with engine.begin() as connection:
        connection.execute(WORKSPACES.update().values(notify_types=None))
        assert not add_notice(connection, WORKSPACE, NoticeType.FAILING, {})
        assert add_notice(connection, WORKSPACE, NoticeType.DISABLED, {})
        assert not add_notice(connection, str(uuid.uuid4()), NoticeType.DISABLED, {})


def test_a_rebuild_adds_no_notice(engine: Engine) -> None:
    records = [Read("t", 0, at, encode_attempt(each)) for at, each in enumerate(failures(9, 0))]
    Projector(engine, None, 3).project(records)
    assert told(engine) == []


def test_the_workspace_of_a_job_is_notified_of_its_end(engine: Engine) -> None:
    job = JobService(engine).create(
        JobKind.REDRIVE, "letters", {"kind": "redrive"}, WORKSPACE, dry_run=False
    )
    queue = JobQueue(engine, "one")
    assert queue.claim() is not None
    queue.conclude(job, JobState.DONE, {"moved": 3}, None)
    [(kind, data)] = told(engine)
    assert kind == "job.completed"
    assert (data["job_id"], data["state"], data["report"]) == (job.job_id, "done", {"moved": 3})
