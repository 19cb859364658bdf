"""Jobs: the list, one job with its progress, and the orders that the console gives."""

from __future__ import annotations

from typing import Any, Final

from pydantic import ValidationError
from starlette.responses import Response

from plaudit.api.problems import Refused
from plaudit.api.routes.jobs import create_job
from plaudit.api.schemas.job_bodies import JobBody
from plaudit.console.asking import Answer, Ask, Redirected, Shown
from plaudit.console.pages.labels import labels
from plaudit.console.views.words import Mark
from plaudit.events.catalogue import CATALOGUE
from plaudit.store.jobs.job_model import JobState, StoredJob

_MARKS: Final = {
    JobState.QUEUED: Mark("waiting", "queued"),
    JobState.RUNNING: Mark("waiting", "running"),
    JobState.DONE: Mark("delivered", "done"),
    JobState.FAILED: Mark("failed", "failed"),
    JobState.CANCELLED: Mark("quiet", "cancelled"),
}


def show(ask: Ask) -> Answer:
    """Show the jobs, newest first, and the forms that order one."""
    page = ask.parts.api.jobs.list(ask.viewer.workspace_id)
    values = {
        "jobs": [(each, _mark(each)) for each in page.jobs],
        "endpoints": list(labels(ask).values()),
        "types": list(CATALOGUE),
    }
    return Shown("jobs.html", values)


def show_one(ask: Ask) -> Answer:
    """Show a job."""
    job = ask.parts.api.jobs.get(ask.at["id"], ask.viewer.workspace_id)
    report = job.report or {}
    skipped = report.get("skipped") or {}
    values = {"job": job, "mark": _mark(job), "report": report, "skipped": skipped}
    return Shown("job.html", values)


def cancel(ask: Ask) -> Answer:
    """Cancel a job."""
    ask.parts.api.jobs.cancel(ask.at["id"], ask.viewer.workspace_id)
    return Redirected(ask.url(f"/jobs/{ask.at['id']}", done="stopped"))


def run(ask: Ask) -> Answer:
    """Order what a dry run counted."""
    job = ask.parts.api.jobs.get(ask.at["id"], ask.viewer.workspace_id)
    return _ordered(ask, job.params, job.workspace_id, dry_run=False)


def order(ask: Ask) -> Answer:
    """Order a dry run of a redrive or a replay; the job's page offers the run itself."""
    kind = ask.given("kind")
    endpoint = ask.given("endpoint")
    if kind == "replay":
        params: dict[str, Any] = {
            "kind": kind,
            "endpoint_id": endpoint,
            "since": ask.given("since") or "1h",
            "types": list(ask.all_given("types")),
        }
    else:
        conditions: dict[str, Any] = {"reasons": list(ask.all_given("reason"))}
        if endpoint is not None:
            conditions["endpoint_ids"] = [endpoint]
        params = {"kind": "redrive", "filter": conditions}
    return _ordered(ask, params, None, dry_run=True)


def _ordered(
    ask: Ask, params: dict[str, Any], workspace_id: str | None, *, dry_run: bool
) -> Answer:
    """Order a job as `POST /v1/jobs` does.

    Raises:
        Refused: the viewer may not, or the order is not valid.
    """
    given = {"params": params, "workspace_id": workspace_id, "dry_run": dry_run}
    try:
        body = JobBody.model_validate(given)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise Refused(422, f"{first['loc'][-1]}: {first['msg']}", field="params") from None
    made = create_job(ask.parts.api, ask.viewer.caller, None, body, Response())
    return Redirected(ask.url(f"/jobs/{made.id}"))


def _mark(job: StoredJob) -> Mark:
    return _MARKS[JobState(job.state)]
