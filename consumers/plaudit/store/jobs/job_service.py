"""Service for callers who create, list, cancel and follow jobs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from plaudit.events.ids import new_event_id
from plaudit.records.times import wall_ms
from plaudit.store.audit.actor import current_actor
from plaudit.store.audit.record import record_change
from plaudit.store.db.database import reading, translated
from plaudit.store.db.tables import JOB_EVENTS, JOBS
from plaudit.store.endpoints.spec import uuid_text
from plaudit.store.jobs.job_model import OPEN, JobKind, JobState, NoSuchJob, StoredJob, TooManyJobs

MOST_OPEN: Final = 10
"""Maximum number of a workspace's jobs that are queued or running."""
JOBS_PAGE: Final = 50


@dataclass(frozen=True, slots=True)
class JobEvent:
    """A step of a job; `number` orders the steps of all jobs."""

    number: int
    type: str
    data: dict[str, Any]


@dataclass(frozen=True, slots=True)
class JobPage:
    """Jobs, newest first; `cursor` is the start of the next page, None on the last one."""

    jobs: Sequence[StoredJob]
    cursor: str | None


class JobService:
    """Creates and returns jobs; runners execute them.

    Args:
        engine: database.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def create(
        self,
        kind: JobKind,
        lane: str,
        params: dict[str, Any],
        workspace_id: str | None,
        *,
        dry_run: bool,
        job_id: str | None = None,
    ) -> StoredJob:
        """Queue a job.

        Args:
            kind: kind of the job.
            lane: jobs of one lane run one after the other.
            params: parameters of the job.
            workspace_id: workspace of the job; None: all.
            dry_run: whether the job only counts.
            job_id: id; with the id of an existing job, that job is returned.

        Raises:
            TooManyJobs: the workspace has too many unfinished jobs.
            DatabaseFailure: the job was not queued.
        """
        actor = current_actor()
        name = job_id or str(new_event_id())
        row: dict[str, Any] = {
            "job_id": name,
            "workspace_id": workspace_id,
            "kind": str(kind),
            "state": str(JobState.QUEUED),
            "lane": lane,
            "params": params,
            "dry_run": dry_run,
            "created_by": f"{actor.kind} {actor.id}",
            "created_at": wall_ms(),
        }
        with translated(), self._engine.begin() as connection:
            known = None if job_id is None else _find(connection, job_id)
            if known is not None:
                return known
            _check_room(connection, workspace_id)
            connection.execute(JOBS.insert().values(row))
            add_event(connection, name, "state", {"state": str(JobState.QUEUED)})
            given = {"kind": str(kind), "params": params, "dry_run": dry_run}
            record_change(connection, "job.created", name, workspace_id, None, given)
            return find_job(connection, name)

    def get(self, job_id: str, workspace_id: str | None = None) -> StoredJob:
        """Return a job.

        Raises:
            NoSuchJob: the id is unknown, or the job belongs to another workspace.
        """
        with reading(self._engine) as connection:
            return find_job(connection, uuid_text("job", job_id), workspace_id)

    def list(
        self,
        workspace_id: str | None = None,
        kind: str | None = None,
        state: str | None = None,
        *,
        limit: int = JOBS_PAGE,
        cursor: str | None = None,
    ) -> JobPage:
        """Return jobs, newest first. Ids begin with the time of creation."""
        query = sa.select(JOBS).order_by(JOBS.c.job_id.desc()).limit(limit + 1)
        for column, value in ((JOBS.c.workspace_id, workspace_id), (JOBS.c.kind, kind),
                              (JOBS.c.state, state)):  # fmt: skip
            if value is not None:
                query = query.where(column == value)
        if cursor is not None:
            query = query.where(JOBS.c.job_id < uuid_text("cursor", cursor))
        with reading(self._engine) as connection:
            found = [StoredJob(**row) for row in connection.execute(query).mappings()]
        return JobPage(found[:limit], found[limit - 1].job_id if len(found) > limit else None)

    def ids_between(self, first: str, last: str) -> Sequence[str]:
        """Return the job ids in a range, both ends included."""
        query = sa.select(JOBS.c.job_id).where(JOBS.c.job_id.between(first, last)).limit(JOBS_PAGE)
        with reading(self._engine) as connection:
            return list(connection.execute(query).scalars())

    def cancel(self, job_id: str, workspace_id: str | None = None) -> StoredJob:
        """Cancel a job: a queued one at once, a running one at the end of its batch. Idempotent.

        Raises:
            NoSuchJob: the id is unknown, or the job belongs to another workspace.
        """
        wanted = uuid_text("job", job_id)
        with translated(), self._engine.begin() as connection:
            job = find_job(connection, wanted, workspace_id, for_update=True)
            if job.is_over or job.cancelling:
                return job
            change: dict[str, Any] = {"cancelling": True}
            if job.state == JobState.QUEUED:
                change |= {"state": str(JobState.CANCELLED), "ended_at": wall_ms()}
                add_event(connection, wanted, "state", {"state": change["state"]})
            connection.execute(JOBS.update().where(JOBS.c.job_id == wanted).values(change))
            record_change(
                connection, "job.cancelled", wanted, job.workspace_id, {"state": job.state}, None
            )
            return find_job(connection, wanted)

    def events(self, job_id: str, after: int = 0, limit: int = 100) -> Sequence[JobEvent]:
        """Return the steps of a job after the step `after`, in order."""
        query = (
            sa.select(JOB_EVENTS)
            .where(JOB_EVENTS.c.job_id == job_id, JOB_EVENTS.c.number > after)
            .order_by(JOB_EVENTS.c.number)
            .limit(limit)
        )
        with reading(self._engine) as connection:
            return [JobEvent(row.number, row.type, row.data) for row in connection.execute(query)]


def find_job(
    connection: Connection,
    job_id: str,
    workspace_id: str | None = None,
    *,
    for_update: bool = False,
) -> StoredJob:
    """Return a job.

    Raises:
        NoSuchJob: the id is unknown, or the job belongs to another workspace.
    """
    found = _find(connection, job_id, for_update=for_update)
    if found is None or workspace_id not in {None, found.workspace_id}:
        raise NoSuchJob(job_id)
    return found


def add_event(connection: Connection, job_id: str, kind: str, data: dict[str, Any]) -> None:
    """Write a step of a job."""
    row = {"job_id": job_id, "at": wall_ms(), "type": kind, "data": data}
    connection.execute(JOB_EVENTS.insert().values(row))


def _find(connection: Connection, job_id: str, *, for_update: bool = False) -> StoredJob | None:
    query = sa.select(JOBS).where(JOBS.c.job_id == job_id)
    row = connection.execute(query.with_for_update() if for_update else query).mappings()
    found = row.one_or_none()
    return None if found is None else StoredJob(**found)


def _check_room(connection: Connection, workspace_id: str | None) -> None:
    if workspace_id is None:
        return
    count = sa.select(sa.func.count()).where(
        JOBS.c.workspace_id == workspace_id, JOBS.c.state.in_(OPEN)
    )
    if (connection.execute(count).scalar() or 0) >= MOST_OPEN:
        raise TooManyJobs(MOST_OPEN)
