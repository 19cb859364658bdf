"""Queueing of jobs by commands."""

from __future__ import annotations

import typer
from pydantic import ValidationError

from plaudit.cli.ui.database import opened_database
from plaudit.cli.ui.output import Exit, fail, note
from plaudit.jobs.params import JobParamsHolder, lane_of, settled
from plaudit.records.validation import explained, place_of
from plaudit.store.jobs.job_model import JobKind
from plaudit.store.jobs.job_service import JobService


def create_job(given: object, workspace: str | None, *, dry_run: bool) -> None:
    """Queue a job and print its id; exit if the order is invalid."""
    try:
        asked = settled(JobParamsHolder.model_validate({"params": given}).params)
    except ValidationError as error:
        first = error.errors()[0]
        place = place_of(first["loc"][1:]) or "the order"
        fail(f"{place}: {explained(first)}; see docs/jobs.md", Exit.USAGE)
    engine = opened_database()
    try:
        job = JobService(engine).create(
            JobKind(asked.kind),
            lane_of(asked),
            asked.model_dump(mode="json"),
            workspace,
            dry_run=dry_run,
        )
    finally:
        engine.dispose()
    typer.echo(job.job_id)
    note(f"queued; follow it with: plaudit jobs show {job.job_id}")
