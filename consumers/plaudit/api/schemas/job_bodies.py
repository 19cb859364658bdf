"""Bodies of jobs, as in the OpenAPI document."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from plaudit.jobs.params import JobParams
from plaudit.store.jobs.job_model import JobKind, JobState

_TIMES = "RFC 3339, UTC."


class JobBody(BaseModel):
    """A job to create."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "dry_run": True,
                    "params": {
                        "kind": "redrive",
                        "filter": {"reasons": ["exhausted"], "since": "24h"},
                        "rate": 200,
                    },
                }
            ]
        },
    )

    params: JobParams
    workspace_id: UUID | None = Field(
        default=None, description="Restricts the job of an admin key to this workspace."
    )
    dry_run: bool = Field(default=False, description="Whether the job only counts.")


class JobProgressOut(BaseModel):
    """Progress of a job."""

    chosen: int = Field(description="Records to process, if known.")
    moved: int = Field(description="Finished records of all runs.")
    rate: float | None = Field(description="Finished records per second; null before the end.")
    note: str | None = Field(description="Why the job waits; null while it works.")


class JobOut(BaseModel):
    """A job."""

    id: str
    workspace_id: str | None = Field(description="Null: all workspaces.")
    kind: JobKind
    state: JobState
    dry_run: bool
    params: dict[str, Any]
    created_by: str
    created_at: str = Field(description=_TIMES)
    started_at: str | None = Field(description=_TIMES)
    ended_at: str | None = Field(description=_TIMES)
    cancelling: bool
    progress: JobProgressOut
    report: dict[str, Any] | None = Field(description="Result, as in `plaudit dlq redrive --json`.")
    error: str | None = Field(description="Why the job failed or ended early.")


class JobPageOut(BaseModel):
    """A page of jobs; the next page begins at `cursor`."""

    data: list[JobOut]
    cursor: str | None = None
