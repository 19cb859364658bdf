"""Runner of jobs, which claims them one by one, keeps their leases, and writes their results."""

from __future__ import annotations

import os
import socket
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from sqlalchemy.engine import Engine

from plaudit.bulk.control import Control
from plaudit.endpoints.keys import SecretKeys
from plaudit.jobs.work import JobWorker
from plaudit.kafka.errors import KafkaFailure, NotAuthorized, denied
from plaudit.kafka.settings import KafkaSettings
from plaudit.logs.logger import event_logger
from plaudit.logs.once_logger import OnceLogger
from plaudit.store.db.database import DatabaseFailure
from plaudit.store.jobs.job_model import JobProgress, JobState, StoredJob
from plaudit.store.jobs.queue import JobQueue

_log = event_logger(__name__)

LOOK_EVERY_S: Final = 1.0
KEEP_EVERY_S: Final = 1.0
"""Pause between two looks at a job: its progress, and requests to cancel it."""
THREADS: Final = 2
"""Jobs at once: one may move dead letters while another replays."""
STOPPING: Final = "the end of its runner"
NO_RIGHTS: Final = (
    "this runner's Kafka user lacks a right that jobs need: run `plaudit jobs run` as a user with "
    "the role `dlq`, set PLAUDIT_RECORD_JOBS=false for `plaudit record`, then queue the job again"
)


class JobTally:
    """Listener that counts what a job has done, for another thread to read."""

    def __init__(self, job: StoredJob) -> None:
        self._chosen = job.chosen
        self._moved = self._before = job.moved
        self._note: str | None = None

    def began(self, chosen: int) -> None:
        """Take the number of records, with those that an earlier run has finished."""
        self._chosen = self._before + chosen

    def moved(self, count: int) -> None:
        """Count finished records."""
        self._moved += count

    def paused(self, why: str | None) -> None:
        """Take why the job waits."""
        self._note = why

    def progress(self) -> JobProgress:
        """Return the latest report."""
        return JobProgress(max(self._chosen, self._moved), self._moved, self._note)


class JobRunner:
    """Runs jobs in threads of this process.

    Args:
        engine: database.
        settings: connection to Kafka.
        keys: keys that decrypt stored events, for retries; None: only Kafka has events.
    """

    def __init__(
        self, engine: Engine, settings: KafkaSettings, keys: SecretKeys | None = None
    ) -> None:
        owner = f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"
        self._queue = JobQueue(engine, owner)
        self._worker = JobWorker(engine, settings, keys)
        self._stop = threading.Event()
        self._running: set[Control] = set()
        self._threads = [
            threading.Thread(target=self._serve, name=f"jobs-{number}", daemon=True)
            for number in range(THREADS)
        ]

    def start(self) -> None:
        """Start the threads."""
        for thread in self._threads:
            thread.start()

    def close(self, timeout_s: float) -> None:
        """Stop running jobs at the end of their batches; another runner resumes them."""
        self._stop.set()
        for control in tuple(self._running):
            control.stop(STOPPING)
        for thread in self._threads:
            thread.join(timeout_s)

    def run_one(self) -> bool:
        """Claim a job and run it; return False if none is queued.

        Raises:
            DatabaseFailure: the database is unavailable; the job is run again later.
        """
        job = self._queue.claim()
        if job is None:
            return False
        tally = JobTally(job)
        control = Control(tally)
        self._running.add(control)
        try:
            if self._stop.is_set():
                control.stop(STOPPING)
            with self._kept(job, control, tally) as keep:
                state, report, error = self._outcome(job, control, keep)
        finally:
            self._running.discard(control)
        if state is None:
            self._queue.give_back(job)
        else:
            self._queue.conclude(job, state, report, error)
        return True

    def _outcome(
        self, job: StoredJob, control: Control, keep: _Lease
    ) -> tuple[JobState | None, dict[str, Any] | None, str | None]:
        """Return the final state of a job, its report and its error; no state: requeue it."""
        try:
            report, error = self._worker.work(job, control, keep.store)
        except KafkaFailure as failure:
            report, error = None, _error(failure)
        except (DatabaseFailure, ValueError, LookupError) as refused:
            report, error = None, str(refused)
        except Exception as defect:  # noqa: BLE001 - a defect in one; the others continue
            _log.exception("job.crashed", extra={"job_id": job.job_id, "kind": job.kind})
            report, error = None, f"unexpected {type(defect).__name__}; see the runner's log"
        if control.stopping and control.stopped_by == STOPPING:
            return None, report, error
        if control.stopping and keep.cancelled:
            return JobState.CANCELLED, report, error
        return (JobState.DONE if error is None else JobState.FAILED), report, error

    @contextmanager
    def _kept(self, job: StoredJob, control: Control, tally: JobTally) -> Iterator[_Lease]:
        """Keep the lease of a job in a thread, and stop the job when it has to end."""
        lease = _Lease(self._queue, job, control, tally)
        lease.thread.start()
        try:
            yield lease
        finally:
            lease.close()

    def _serve(self) -> None:
        once = OnceLogger(_log)
        while not self._stop.is_set():
            try:
                again = self.run_one()
                once.recovered()
            except DatabaseFailure as failure:
                once.failed("chore.unavailable", failure, chore="jobs")
                again = False
            except Exception:  # noqa: BLE001 - a defect; it is logged and retried
                _log.exception("chore.crashed", extra={"chore": "jobs"})
                again = False
            if not again:
                self._stop.wait(LOOK_EVERY_S)


def _error(failure: KafkaFailure) -> str:
    """Return why a job failed; a missing right with what to do, since no retry helps."""
    is_refused = isinstance(failure, NotAuthorized) or denied(failure)
    return f"{failure}; {NO_RIGHTS}" if is_refused else str(failure)


class _Lease:
    """The lease of one job, prolonged by a thread until it is closed."""

    def __init__(self, queue: JobQueue, job: StoredJob, control: Control, tally: JobTally) -> None:
        self._queue = queue
        self._job = job
        self._control = control
        self._tally = tally
        self._position: str | None = None
        self._over = threading.Event()
        self.cancelled = False
        self.thread = threading.Thread(target=self._keep, name="job-lease", daemon=True)

    def store(self, position: str) -> None:
        """Store where a run resumes.

        Raises:
            DatabaseFailure: it is not stored.
        """
        self._position = position
        self._look()

    def close(self) -> None:
        """End the thread and write the last progress."""
        self._over.set()
        self.thread.join()
        try:
            self._look()
        except DatabaseFailure as failure:
            _log.warning("chore.unavailable", extra={"chore": "jobs", "error": str(failure)})

    def _keep(self) -> None:
        while not self._over.wait(KEEP_EVERY_S):
            try:
                self._look()
            except DatabaseFailure as failure:
                _log.warning("chore.unavailable", extra={"chore": "jobs", "error": str(failure)})

    def _look(self) -> None:
        stop_by = self._queue.keep(self._job, self._tally.progress(), self._position)
        if stop_by is not None and not self._control.stopping:
            self.cancelled = "cancel" in stop_by
            self._control.stop(stop_by)
