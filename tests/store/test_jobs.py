"""The queue of jobs, on both databases: lanes, leases, requests to cancel, and steps."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from sqlalchemy.engine import Engine

from plaudit.store.db.tables import JOBS
from plaudit.store.jobs.job_model import (
    JobKind,
    JobProgress,
    JobState,
    NoSuchJob,
    StoredJob,
    TooManyJobs,
)
from plaudit.store.jobs.job_service import MOST_OPEN, JobService
from plaudit.store.jobs.queue import JobQueue, forget_jobs

WORKSPACE = str(uuid.uuid4())


def queued(engine: Engine, lane: str = "letters", **given: Any) -> StoredJob:
    """Queue a job."""
    given = {"workspace_id": None, "dry_run": False, **given}
    return JobService(engine).create(JobKind.REDRIVE, lane, {"kind": "redrive"}, **given)


def test_jobs_of_one_lane_run_one_after_the_other_and_lanes_side_by_side(engine: Engine) -> None:
    first, second, other = queued(engine), queued(engine), queued(engine, "replay.1")
    one, two = JobQueue(engine, "one"), JobQueue(engine, "two")
    claimed = [one.claim(), two.claim(), two.claim()]
    assert [None if each is None else each.job_id for each in claimed] == [
        first.job_id, other.job_id, None,
    ]  # fmt: skip
    assert one.conclude(first, JobState.DONE, {"moved": 1}, None)
    third = two.claim()
    assert third is not None
    assert third.job_id == second.job_id


def test_a_job_whose_lease_ended_is_continued_by_another_runner_and_the_first_one_stops(
    engine: Engine,
) -> None:
    job = queued(engine)
    one, two = JobQueue(engine, "one"), JobQueue(engine, "two")
    assert one.claim() is not None
    assert one.keep(job, JobProgress(10, 4), "place") is None
    assert two.claim() is None
    with engine.begin() as connection:
        connection.execute(JOBS.update().values(lease_until=0))
    taken = two.claim()
    assert taken is not None
    assert (taken.moved, taken.position) == (4, "place")
    said = one.keep(job, JobProgress(10, 5))
    assert said is not None
    assert "taken over" in said
    assert not one.conclude(job, JobState.DONE, None, None)
    assert two.conclude(job, JobState.FAILED, None, "why")
    assert JobService(engine).get(job.job_id).error == "why"


def test_a_queued_job_is_cancelled_at_once_and_a_running_one_is_notified(engine: Engine) -> None:
    jobs, queue = JobService(engine), JobQueue(engine, "one")
    running, waiting = queued(engine), queued(engine)
    queue.claim()
    assert jobs.cancel(waiting.job_id).state == JobState.CANCELLED
    assert jobs.cancel(running.job_id).state == JobState.RUNNING
    assert queue.keep(running, JobProgress()) is not None
    with pytest.raises(NoSuchJob):
        jobs.cancel(running.job_id, WORKSPACE)
    queue.give_back(running)
    assert jobs.get(running.job_id).state == JobState.QUEUED


def test_a_workspace_has_at_most_ten_open_jobs_and_lists_its_own(engine: Engine) -> None:
    jobs = JobService(engine)
    queued(engine)
    mine = [queued(engine, workspace_id=WORKSPACE) for _ in range(MOST_OPEN)]
    with pytest.raises(TooManyJobs):
        queued(engine, workspace_id=WORKSPACE)
    page = jobs.list(WORKSPACE, limit=4)
    rest = jobs.list(WORKSPACE, limit=50, cursor=page.cursor)
    found = [each.job_id for each in (*page.jobs, *rest.jobs)]
    assert found == sorted((each.job_id for each in mine), reverse=True)
    assert len(jobs.list().jobs) == MOST_OPEN + 1


def test_the_same_request_again_names_the_same_job(engine: Engine) -> None:
    name = str(uuid.uuid4())
    assert queued(engine, job_id=name) == queued(engine, job_id=name)


def test_steps_are_followed_from_a_number_on_and_deleted_with_their_job(engine: Engine) -> None:
    jobs, queue = JobService(engine), JobQueue(engine, "one")
    job = queued(engine)
    queue.claim()
    queue.keep(job, JobProgress(5, 2))
    queue.keep(job, JobProgress(5, 2))
    queue.conclude(job, JobState.DONE, {}, None)
    steps = jobs.events(job.job_id)
    assert [each.type for each in steps] == ["state", "state", "progress", "state"]
    assert jobs.events(job.job_id, after=steps[2].number) == steps[3:]
    with engine.begin() as connection:
        forget_jobs(connection, 2**60)
    assert jobs.events(job.job_id) == []
