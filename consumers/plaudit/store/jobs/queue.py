"""Queue from which runners claim jobs.

A runner owns a job during a lease, which it keeps prolonging. When a runner dies, its lease
expires, and another runner claims the job. Fencing in Kafka's transactions makes that safe: the
second runner moves exactly the records that the first one has not committed.
"""

from __future__ import annotations

from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from plaudit.records.times import wall_ms
from plaudit.store.db.database import translated
from plaudit.store.db.tables import JOB_EVENTS, JOBS
from plaudit.store.endpoints.notices import NoticeType, add_notice
from plaudit.store.jobs.job_model import OPEN, JobProgress, JobState, StoredJob
from plaudit.store.jobs.job_service import add_event, find_job

LEASE_MS: Final = 15_000
_LOCK: Final = 7_021_964_382
"""Id of the advisory lock that prevents two runners from claiming jobs of one lane."""


class JobQueue:
    """Jobs as one runner sees them.

    Args:
        engine: database.
        owner: unique name of the runner.
    """

    def __init__(self, engine: Engine, owner: str) -> None:
        self._engine = engine
        self._owner = owner

    def claim(self) -> StoredJob | None:
        """Claim the oldest job whose lane is free; return it, or None.

        Raises:
            DatabaseFailure: the database is unavailable.
        """
        now_ms = wall_ms()
        with translated(), self._engine.begin() as connection:
            if connection.dialect.name == "postgresql":
                connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")
            job_id = _next(connection, now_ms)
            if job_id is None:
                return None
            job = find_job(connection, job_id)
            change = {
                "state": str(JobState.RUNNING),
                "owner": self._owner,
                "lease_until": now_ms + LEASE_MS,
                "started_at": job.started_at or now_ms,
            }
            connection.execute(JOBS.update().where(JOBS.c.job_id == job_id).values(change))
            if job.state != JobState.RUNNING:
                add_event(connection, job_id, "state", {"state": change["state"]})
            return find_job(connection, job_id)

    def keep(
        self, job: StoredJob, progress: JobProgress, position: str | None = None
    ) -> str | None:
        """Prolong the lease and write the progress; return what stops the job, or None.

        Raises:
            DatabaseFailure: the lease is not prolonged.
        """
        change: dict[str, Any] = {
            "lease_until": wall_ms() + LEASE_MS,
            "chosen": progress.chosen,
            "moved": progress.moved,
            "note": progress.note,
        }
        if position is not None:
            change["position"] = position
        with translated(), self._engine.begin() as connection:
            before = find_job(connection, job.job_id, for_update=True)
            if before.owner != self._owner:
                return "another runner, which has taken over"
            connection.execute(JOBS.update().where(JOBS.c.job_id == job.job_id).values(change))
            if (before.chosen, before.moved, before.note) != (
                progress.chosen, progress.moved, progress.note,
            ):  # fmt: skip
                data = {"chosen": progress.chosen, "moved": progress.moved, "note": progress.note}
                add_event(connection, job.job_id, "progress", data)
            return "a request to cancel it" if before.cancelling else None

    def conclude(
        self, job: StoredJob, state: JobState, report: dict[str, Any] | None, error: str | None
    ) -> bool:
        """Write the result; return False if another runner owns the job.

        Raises:
            DatabaseFailure: the result is not written; a runner repeats the job.
        """
        change = {
            "state": str(state),
            "report": report,
            "error": error,
            "note": None,
            "ended_at": wall_ms(),
            "lease_until": None,
        }
        with translated(), self._engine.begin() as connection:
            before = find_job(connection, job.job_id, for_update=True)
            if before.owner != self._owner or before.is_over:
                return False
            connection.execute(JOBS.update().where(JOBS.c.job_id == job.job_id).values(change))
            data = {"state": str(state), "report": report, "error": error}
            add_event(connection, job.job_id, "state", data)
            if job.workspace_id is not None:
                told = {"job_id": job.job_id, "kind": job.kind, "dry_run": job.dry_run, **data}
                add_notice(connection, job.workspace_id, NoticeType.JOB, told)
            return True

    def give_back(self, job: StoredJob) -> None:
        """Return a job to the queue, so that another runner resumes it.

        Raises:
            DatabaseFailure: a runner resumes the job when its lease expires.
        """
        change = {"state": str(JobState.QUEUED), "owner": None, "lease_until": None}
        mine = (JOBS.c.job_id == job.job_id, JOBS.c.owner == self._owner)
        with translated(), self._engine.begin() as connection:
            connection.execute(JOBS.update().where(*mine).values(change))
            add_event(connection, job.job_id, "state", {"state": change["state"]})


def forget_jobs(connection: Connection, before_ms: int) -> None:
    """Delete jobs that ended before a time, with their steps."""
    old = sa.select(JOBS.c.job_id).where(JOBS.c.ended_at < before_ms)
    connection.execute(JOB_EVENTS.delete().where(JOB_EVENTS.c.job_id.in_(old)))
    connection.execute(JOBS.delete().where(JOBS.c.ended_at < before_ms))


def _next(connection: Connection, now_ms: int) -> str | None:
    """Return the oldest job that is queued or abandoned, in a lane without a runner."""
    query = sa.select(JOBS.c.job_id, JOBS.c.lane, JOBS.c.state, JOBS.c.lease_until)
    found = connection.execute(query.where(JOBS.c.state.in_(OPEN)).order_by(JOBS.c.job_id)).all()
    running = {
        row.lane for row in found
        if row.state == JobState.RUNNING and (row.lease_until or 0) >= now_ms
    }  # fmt: skip
    return next((str(row.job_id) for row in found if row.lane not in running), None)
