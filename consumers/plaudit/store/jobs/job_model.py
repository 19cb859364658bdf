"""A job and its states."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from plaudit.records.times import time_text

LETTERS_LANE: Final = "letters"
"""Lane of jobs that move dead letters; one runs at a time, as one process writes tombstones."""


class JobKind(StrEnum):
    """Kinds of jobs."""

    REDRIVE = "redrive"
    PURGE = "purge"
    REPLAY = "replay"
    RECOVERY = "recovery"
    RETRY = "retry"


class JobState(StrEnum):
    """States of a job; the last three are final."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


OPEN: Final = (str(JobState.QUEUED), str(JobState.RUNNING))


class NoSuchJob(LookupError):
    """The job id is unknown."""

    def __init__(self, job_id: str) -> None:
        super().__init__(f"no job {job_id}; see `plaudit jobs list`")


class TooManyJobs(ValueError):
    """The workspace has too many jobs that are not finished."""

    def __init__(self, most: int) -> None:
        super().__init__(f"{most} jobs of this workspace are not finished; wait, or cancel one")


@dataclass(frozen=True, slots=True)
class JobProgress:
    """Progress of a job.

    Attributes:
        chosen: number of records to process; None: unknown.
        moved: number of records that are finished.
        note: why the job waits; None while it works.
    """

    chosen: int = 0
    moved: int = 0
    note: str | None = None


@dataclass(frozen=True, slots=True)
class StoredJob:
    """A job; times in epoch milliseconds.

    Attributes:
        workspace_id: workspace of the job; None: all.
        params: parameters (see `plaudit.jobs.params`).
        dry_run: whether the job only counts.
        lane: jobs of one lane run one after the other.
        position: position at which a run resumes; None: at the start.
        cancelling: whether a caller requested cancellation.
        report: result.
        error: why it failed or stopped early.
    """

    job_id: str
    workspace_id: str | None
    kind: str
    state: str
    lane: str
    params: dict[str, Any]
    dry_run: bool
    created_by: str
    created_at: int
    started_at: int | None
    ended_at: int | None
    owner: str | None
    lease_until: int | None
    cancelling: bool
    chosen: int
    moved: int
    note: str | None
    position: str | None
    report: dict[str, Any] | None
    error: str | None

    @property
    def is_over(self) -> bool:
        """Whether the state is final."""
        return self.state not in OPEN

    def plain(self) -> dict[str, Any]:
        """Return the job as plain data."""
        return {
            "id": self.job_id,
            "workspace_id": self.workspace_id,
            "kind": self.kind,
            "state": self.state,
            "dry_run": self.dry_run,
            "params": self.params,
            "created_by": self.created_by,
            "created_at": time_text(self.created_at),
            "started_at": _time(self.started_at),
            "ended_at": _time(self.ended_at),
            "cancelling": self.cancelling,
            "progress": {
                "chosen": self.chosen,
                "moved": self.moved,
                "rate": self.rate,
                "note": self.note,
            },
            "report": self.report,
            "error": self.error,
        }

    @property
    def rate(self) -> float | None:
        """Finished records per second; None shortly after the start."""
        if self.started_at is None or self.ended_at is None:
            return None
        spent_ms = self.ended_at - self.started_at
        return round(self.moved * 1_000 / spent_ms, 1) if spent_ms > 0 else None


def _time(epoch_ms: int | None) -> str | None:
    return None if epoch_ms is None else time_text(epoch_ms)
