"""Jobs: a list, single jobs with their progress, and new jobs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final

from pydantic import ValidationError
from starlette.responses import Response

from plaudit.api.problems import Refused
from plaudit.api.routes.jobs import EVENT_STREAM, create_job, steps
from plaudit.api.schemas.job_bodies import JobBody
from plaudit.console.asking import Answer, Ask, Redirected, Shown, Streamed
from plaudit.console.pages.labels import labels_for
from plaudit.console.views.job_report import (
    MARKS,
    chosen_endpoints,
    conditions_of,
    counted,
    endpoints_of,
    histograms_of,
    left_of,
    remarks_of,
    title_of,
    verb_of,
    verdict_of,
)
from plaudit.records.times import wall_ms
from plaudit.records.validation import explained
from plaudit.store.jobs.job_model import JobKind, JobState

STREAM_MS: Final = 120_000
"""Duration of a stream, after which the browser reconnects and its session is checked."""
_NONE: Final = "(none)"


def show(ask: Ask) -> Answer:
    """Show the jobs, newest first."""
    page = ask.services.api.jobs.list(ask.viewer.workspace_id, cursor=ask.asked("cursor"))
    chosen = {each.job_id: chosen_endpoints(each) for each in page.jobs}
    known = labels_for(ask, {one for some in chosen.values() for one in some})
    values = {
        "jobs": [
            (
                each,
                MARKS[each.state],
                title_of(each),
                ", ".join(known[one].name for one in chosen[each.job_id]),
            )
            for each in page.jobs
        ],
        "url": ask.url("/jobs", cursor=ask.asked("cursor")),
        "older": page.cursor and ask.url("/jobs", cursor=page.cursor),
    }
    return Shown("jobs.html", values)


def show_one(ask: Ask) -> Answer:
    """Show a job with its progress, its report and the next steps."""
    job = ask.services.api.jobs.get(ask.at["id"], ask.viewer.workspace_id)
    known = labels_for(ask, {*endpoints_of(job), *chosen_endpoints(job)} - {_NONE})
    names = {each: label.name for each, label in known.items()}
    counts = job.dry_run and job.state == JobState.DONE and job.chosen > 0
    values = {
        "job": job,
        "mark": MARKS[job.state],
        "title": title_of(job),
        "verdict": verdict_of(job),
        "verb": verb_of(job),
        "counted": counted(job, job.chosen),
        "conditions": conditions_of(job, names),
        "left": left_of(job),
        "remarks": remarks_of(job),
        "histograms": histograms_of(job, names),
        "report": job.report or {},
        "may_run": counts and ask.viewer.may_write,
        "is_purge": job.kind == JobKind.PURGE,
        "url": ask.url(f"/jobs/{job.job_id}"),
    }
    return Shown("job.html", values)


def follow(ask: Ask) -> Answer:
    """Stream the steps of a job."""
    jobs = ask.services.api.jobs
    job = jobs.get(ask.at["id"], ask.viewer.workspace_id)
    return Streamed(steps(jobs, job.job_id, 0, _until(ask.now_ms + STREAM_MS)), EVENT_STREAM)


def cancel(ask: Ask) -> Answer:
    """Cancel a job."""
    ask.services.api.jobs.cancel(ask.at["id"], ask.viewer.workspace_id)
    return Redirected(ask.url(f"/jobs/{ask.at['id']}", done="stopped"))


def run(ask: Ask) -> Answer:
    """Queue the job of a dry run; for a removal, the viewer has to type the number."""
    job = ask.services.api.jobs.get(ask.at["id"], ask.viewer.workspace_id)
    if job.kind == JobKind.PURGE:
        typed = (ask.given("confirm") or "").replace(",", "")
        if typed != str(job.chosen):
            detail = f"type {job.chosen} to remove {counted(job, job.chosen)}; nothing was changed"
            raise Refused(422, detail, field="confirm")
    return ordered(ask, job.params, job.workspace_id, dry_run=False)


def bounds_of(ask: Ask) -> dict[str, Any]:
    """Return the rate and the maximum number in a form.

    Raises:
        Refused: a value is not a number.
    """
    rate, most = ask.given("rate"), ask.given("max")
    return {
        "rate": None if rate is None else _number("rate", rate),
        "max": None if most is None else _number("max", most),
    }


def _number(field: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise Refused(422, f"{text[:40]!r} is not a number", field=field) from None


def ordered(ask: Ask, params: dict[str, Any], workspace_id: str | None, *, dry_run: bool) -> Answer:
    """Queue a job, like `POST /v1/jobs`.

    Raises:
        Refused: the viewer may not, or the parameters are invalid.
    """
    given = {"params": params, "workspace_id": workspace_id, "dry_run": dry_run}
    try:
        body = JobBody.model_validate(given)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise Refused(422, f"{first['loc'][-1]}: {explained(first)}", field="params") from None
    made = create_job(ask.services.api, ask.viewer.caller, None, body, Response())
    return Redirected(ask.url(f"/jobs/{made.id}"))


def _until(end_ms: int) -> Callable[[], Awaitable[bool]]:
    async def is_over() -> bool:
        return wall_ms() >= end_ms

    return is_over
