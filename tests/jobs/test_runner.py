"""Jobs on a real broker: a killed runner, a request to cancel, a dry run, one workspace."""

from __future__ import annotations

import os
import subprocess
import threading
import uuid
from contextlib import ExitStack
from typing import Any

import pytest
from pydantic import ValidationError
from sqlalchemy.engine import Engine

from dlq.conftest import left, seed, sent
from dlq.generate import ENDPOINTS, WORKSPACE
from dlq.rig import PLAUDIT, QUICKLY_S, SOON_S, end_of
from plaudit.cli.commands.record import start_jobs
from plaudit.jobs.params import JobParamsHolder, RedriveParams, ReplayParams, lane_of, settled
from plaudit.jobs.runner import JobRunner
from plaudit.jobs.work import JobWorker
from plaudit.kafka.errors import NotAuthorized
from plaudit.kafka.settings import KafkaSettings
from plaudit.recorder.settings import RecorderSettings
from plaudit.store.db.tables import JOBS
from plaudit.store.jobs.job_model import JobKind, JobState, StoredJob
from plaudit.store.jobs.job_service import JobService
from waiting import until


def order(
    engine: Engine, workspace: str | None = None, *, dry_run: bool = False, **given: Any
) -> StoredJob:
    """Queue a job."""
    params = settled(JobParamsHolder.model_validate({"params": given}).params)
    return JobService(engine).create(
        JobKind(params.kind), lane_of(params), params.model_dump(mode="json"), workspace,
        dry_run=dry_run,
    )  # fmt: skip


def start(settings: KafkaSettings, database: str) -> subprocess.Popen[str]:
    """Start `plaudit jobs run --once` as a process of its own."""
    environment = {
        **os.environ,
        "KAFKA_BOOTSTRAP_SERVERS": settings.bootstrap_servers,
        "PLAUDIT_TOPIC_PREFIX": settings.topic_prefix,
        "PLAUDIT_DATABASE_URL": database,
    }
    command = [str(PLAUDIT), "jobs", "run", "--once"]
    return subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)


@pytest.mark.broker
def test_a_job_whose_runner_is_killed_resumes_and_sends_each_letter_once(
    installation: KafkaSettings, engine: Engine, database: str
) -> None:
    seed(installation, 2_000)
    job = order(engine, kind="redrive", rate=1_000)
    first = start(installation, database)
    until(lambda: end_of(installation) > 0, every_s=QUICKLY_S)
    first.kill()
    first.communicate()
    assert left(installation) > 0
    assert JobService(engine).get(job.job_id).state == JobState.RUNNING
    with engine.begin() as connection:  # as when its lease has ended
        connection.execute(JOBS.update().values(lease_until=0))
    second = start(installation, database)
    _, said = second.communicate(timeout=SOON_S)
    assert second.returncode == 0, said
    done = JobService(engine).get(job.job_id)
    assert (done.state, done.error) == (JobState.DONE, None)
    deliveries = sent(installation)
    assert (len(deliveries), set(deliveries.values()), left(installation)) == (2_000, {1}, 0)


@pytest.mark.broker
def test_a_job_counts_is_cancelled_and_keeps_to_its_workspace(
    installation: KafkaSettings, engine: Engine
) -> None:
    seed(installation, 400)
    runner = JobRunner(engine, installation)
    jobs = JobService(engine)
    counted = order(engine, kind="redrive", dry_run=True)
    foreign = order(engine, str(uuid.uuid4()), kind="redrive", rate=1_000)
    some = order(engine, WORKSPACE, kind="redrive", filter={"endpoint_ids": [ENDPOINTS[0]]})
    while runner.run_one():
        pass
    found = jobs.get(counted.job_id)
    assert found.report is not None
    assert (found.report["chosen"], found.chosen, found.moved) == (400, 400, 0)
    report = jobs.get(foreign.job_id).report
    assert report is not None
    assert report["moved"] == 0
    report = jobs.get(some.job_id).report
    assert report is not None
    assert report["moved"] == 40
    slow = order(engine, kind="redrive", rate=4)
    before = end_of(installation)
    thread = threading.Thread(target=runner.run_one)
    thread.start()
    until(lambda: end_of(installation) > before, every_s=QUICKLY_S)
    jobs.cancel(slow.job_id)
    thread.join(SOON_S)
    assert jobs.get(slow.job_id).state == JobState.CANCELLED
    assert 0 < left(installation) < 360
    events = [each.data.get("state") for each in jobs.events(slow.job_id) if each.type == "state"]
    assert events == ["queued", "running", "cancelled"]


def test_a_job_without_permissions_fails_once_and_names_the_role_it_needs(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> None:
        doing = "take transactional id plaudit.dlq"
        raise NotAuthorized(doing, "", "TRANSACTIONAL_ID_AUTHORIZATION_FAILED")

    monkeypatch.setattr(JobWorker, "work", refused)
    job = order(engine, kind="redrive")
    runner = JobRunner(engine, KafkaSettings(bootstrap_servers="127.0.0.1:1"))
    assert runner.run_one()
    ended = JobService(engine).get(job.job_id)
    assert ended.state == JobState.FAILED
    assert ended.error is not None
    assert "take transactional id plaudit.dlq: not allowed" in ended.error
    assert "the role `dlq`" in ended.error
    assert "PLAUDIT_RECORD_JOBS=false" in ended.error
    assert not runner.run_one()


@pytest.mark.parametrize(("switch", "runs"), [(None, True), ("true", True), ("false", False)])
def test_the_recorder_runs_jobs_unless_it_is_switched_off(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, switch: str | None, *, runs: bool
) -> None:
    monkeypatch.delenv("PLAUDIT_RECORD_JOBS", raising=False)
    if switch is not None:
        monkeypatch.setenv("PLAUDIT_RECORD_JOBS", switch)
    job = order(engine, kind="redrive")
    monkeypatch.setattr(JobWorker, "work", lambda *_: ({}, None))
    kafka = KafkaSettings(bootstrap_servers="127.0.0.1:1")
    made: list[JobRunner] = []

    def make() -> JobRunner:
        made.append(JobRunner(engine, kafka))
        return made[-1]

    with ExitStack() as stack:
        start_jobs(stack, RecorderSettings(), make)
        if runs:
            until(lambda: JobService(engine).get(job.job_id).state == JobState.DONE)
    assert bool(made) is runs
    assert (JobService(engine).get(job.job_id).state == JobState.DONE) is runs


def test_ages_become_times_when_a_job_is_ordered() -> None:
    given = {"kind": "redrive", "filter": {"since": "2h"}}
    params = settled(JobParamsHolder.model_validate({"params": given}).params)
    assert isinstance(params, RedriveParams)
    assert params.filter.since is not None
    assert params.filter.since.endswith("Z")
    given = {"kind": "replay", "endpoint_id": str(uuid.uuid4()), "since": "2h"}
    replay = settled(JobParamsHolder.model_validate({"params": given}).params)
    assert isinstance(replay, ReplayParams)
    assert replay.until is not None
    assert replay.since < replay.until


@pytest.mark.parametrize(
    "given",
    [
        {"kind": "redo"},
        {"kind": "replay"},
        {"kind": "redrive", "rate": 0},
        {"kind": "purge", "x": 1},
    ],
)
def test_an_invalid_order_is_refused(given: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        JobParamsHolder.model_validate({"params": given})
