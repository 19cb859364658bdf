"""`/v1/jobs`: start, show, cancel and follow jobs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Annotated, Any, Final
from uuid import UUID

import orjson
from fastapi import APIRouter, Header, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import StreamingResponse

from plaudit.api.auth import Caller, Reading, WithIdempotency, WithServices, Writing
from plaudit.api.dependencies import ApiServices
from plaudit.api.problems import Refused, documented
from plaudit.api.schemas.job_bodies import JobBody, JobOut, JobPageOut
from plaudit.dlq.letters.filters import LetterFilterRefused, parse
from plaudit.dlq.letters.letter import Kind
from plaudit.jobs.params import (
    JobParams,
    PurgeParams,
    RecoveryParams,
    RedriveParams,
    ReplayParams,
    RetryParams,
    lane_of,
    settled,
)
from plaudit.store.jobs.job_model import JobKind, JobState, TooManyJobs
from plaudit.store.jobs.job_service import JOBS_PAGE, JobEvent, JobService

router = APIRouter(prefix="/v1/jobs", tags=["jobs"])

EVENT_STREAM: Final = "text/event-stream"
LOOK_EVERY_S: Final = 0.5
QUIET: Final = 30
"""Checks without a new step (15 s) after which a comment keeps the connection open."""
_STREAM: Final[dict[int | str, dict[str, Any]]] = {
    200: {"content": {EVENT_STREAM: {"schema": {"type": "string"}}}}
}


@router.post("", status_code=202, operation_id="createJob", responses=documented(404, 429))
def create_job(
    services: WithServices,
    who: Writing,
    idempotency: WithIdempotency,
    body: JobBody,
    response: Response,
) -> JobOut:
    """Queue a job; with `dry_run`, it only counts.

    A workspace key may redrive, replay, recover and retry within its workspace.
    """
    workspace = who.reads(None if body.workspace_id is None else str(body.workspace_id))
    try:
        params = settled(body.params)
        _check(services, who, params, workspace)
        job = services.jobs.create(
            JobKind(params.kind),
            lane_of(params),
            params.model_dump(mode="json"),
            workspace,
            dry_run=body.dry_run,
            job_id=None if idempotency is None else idempotency.uuid("job"),
        )
    except LetterFilterRefused as error:
        place = f"params.filter.{error.option.removeprefix('--')}"
        raise Refused(422, error.problem, field=place) from None
    except TooManyJobs as error:
        raise Refused(429, str(error), headers={"retry-after": "5"}) from None
    response.headers["location"] = f"{router.prefix}/{job.job_id}"
    return JobOut(**job.plain())


@router.get("", operation_id="listJobs", responses=documented())
def list_jobs(
    services: WithServices,
    who: Reading,
    workspace_id: UUID | None = None,
    kind: JobKind | None = None,
    state: JobState | None = None,
    cursor: Annotated[UUID | None, Query(description="Cursor of the previous page.")] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = JOBS_PAGE,
) -> JobPageOut:
    """List jobs, newest first."""
    workspace = who.reads(None if workspace_id is None else str(workspace_id))
    place = None if cursor is None else str(cursor)
    page = services.jobs.list(workspace, kind, state, limit=limit, cursor=place)
    return JobPageOut(data=[JobOut(**each.plain()) for each in page.jobs], cursor=page.cursor)


@router.get("/{job_id}", operation_id="showJob", responses=documented(404))
def show_job(services: WithServices, who: Reading, job_id: UUID) -> JobOut:
    """Show a job with its progress, and with its report once it has ended."""
    return JobOut(**services.jobs.get(str(job_id), who.key.workspace_id).plain())


@router.post("/{job_id}/cancel", operation_id="cancelJob", responses=documented(404))
def cancel_job(services: WithServices, who: Writing, job_id: UUID) -> JobOut:
    """Cancel a job: a queued one at once, a running one at the end of its batch."""
    return JobOut(**services.jobs.cancel(str(job_id), who.key.workspace_id).plain())


@router.get(
    "/{job_id}/events",
    operation_id="followJob",
    response_class=StreamingResponse,
    responses={**documented(404), **_STREAM},
)
async def follow_job(
    services: WithServices,
    who: Reading,
    request: Request,
    job_id: UUID,
    last_event_id: Annotated[int, Header(ge=0, lt=2**63)] = 0,
) -> StreamingResponse:
    """Stream the steps of a job as server-sent events until it ends.

    `Last-Event-ID` resumes after a step.
    """
    wanted = str(job_id)
    await run_in_threadpool(services.jobs.get, wanted, who.key.workspace_id)
    followed = steps(services.jobs, wanted, last_event_id, request.is_disconnected)
    headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
    return StreamingResponse(followed, media_type=EVENT_STREAM, headers=headers)


async def steps(
    jobs: JobService, job_id: str, after: int, is_over: Callable[[], Awaitable[bool]]
) -> AsyncIterator[bytes]:
    """Yield the steps of a job as server-sent events until the job ends.

    Args:
        jobs: service for jobs.
        job_id: id of the job.
        after: number of the last step that the client received.
        is_over: returns whether to end the stream before the job does.
    """
    quiet = 0
    while not await is_over():
        over = (await run_in_threadpool(jobs.get, job_id)).is_over
        found = await run_in_threadpool(jobs.events, job_id, after)
        for each in found:
            after = each.number
            yield _written(each)
        if over and not found:
            return
        quiet = 0 if found else quiet + 1
        if quiet >= QUIET:
            quiet = 0
            yield b": waiting\n\n"
        if not found:
            await asyncio.sleep(LOOK_EVERY_S)


def _written(event: JobEvent) -> bytes:
    head = f"id: {event.number}\nevent: {event.type}\ndata: ".encode()
    return head + orjson.dumps(event.data) + b"\n\n"


def _check(services: ApiServices, who: Caller, params: JobParams, workspace: str | None) -> None:
    """Check that a caller may create a job.

    Raises:
        Refused: the caller may not, or the parameters are invalid.
        NoSuchEndpoint: the endpoint is unknown, or belongs to another workspace.
        LetterFilterRefused: a condition is invalid.
    """
    targets: list[UUID | None] = []
    match params:
        case RedriveParams() | PurgeParams():
            parse(params.filter.options(workspace), 0)
            if workspace is not None and params.letters is Kind.EVENTS:
                detail = "unreadable events belong to no workspace; only an admin key can move them"
                raise Refused(403, detail, field="letters")
            if isinstance(params, PurgeParams):
                _check_purge(who, params)
            else:
                targets = [params.to]
        case ReplayParams():
            params.order(again=False)
            targets = [params.endpoint_id]
        case RecoveryParams():
            targets = [params.endpoint_id]
        case RetryParams():
            targets = [params.endpoint_id]
    for each in targets:
        if each is not None:
            found = who.owns(services.endpoints.get(str(each)))
            if workspace not in {None, found.workspace_id}:
                raise Refused(422, "the endpoint belongs to another workspace", field="endpoint_id")


def _check_purge(who: Caller, params: PurgeParams) -> None:
    if who.key.workspace_id is not None:
        raise Refused(403, "only an admin key can remove dead letters", field="kind")
    if parse(params.filter.options(None), 0).is_empty and not params.all:
        raise Refused(422, "set a condition, or `all` for every dead letter", field="filter")
