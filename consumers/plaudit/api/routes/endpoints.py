"""`/v1/endpoints`: create, show, change, test and remove endpoints."""

from __future__ import annotations

import asyncio
import re
from typing import Annotated, Final
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Body, Header, Query, Response

from plaudit.api.auth import (
    Caller,
    Reading,
    WithIdempotency,
    WithParts,
    Writing,
    check_quota,
    check_workspace,
)
from plaudit.api.dependencies import Parts
from plaudit.api.problems import Refused, documented
from plaudit.api.schemas.endpoint_out import EndpointOut
from plaudit.api.schemas.endpoints import (
    Disabling,
    EndpointBody,
    EndpointChange,
    HealthOut,
    Rotation,
    TestBody,
    TestOut,
)
from plaudit.api.time_params import Moment, epoch_ms
from plaudit.control.testing import send_test
from plaudit.store.db.database import reading
from plaudit.store.endpoints.changes import WrittenEndpoint
from plaudit.store.endpoints.rows import StoredEndpoint
from plaudit.store.log.stats import health_of

router = APIRouter(prefix="/v1/endpoints", tags=["endpoints"])

IfMatch = Annotated[
    str | None,
    Header(description="The ETag: change the endpoint only if it is still this version."),
]
LARGEST_PAGE: Final = 1_000
CURSOR: Final = re.compile(r"\d{1,18}\.[0-9a-f-]{36}")
NOT_A_CURSOR: Final = "not a cursor: take it from the `Link` of the page before"
_ONE: Final = documented(404)
_CHANGED: Final = documented(404, 412)


@router.get("", responses=documented())
def list_endpoints(
    parts: WithParts,
    who: Reading,
    response: Response,
    workspace_id: UUID | None = None,
    limit: Annotated[int | None, Query(ge=1, le=LARGEST_PAGE)] = None,
    cursor: Annotated[str | None, Query(description="Of the page before.")] = None,
) -> list[EndpointOut]:
    """List endpoints in order of creation; all of them, or pages with `limit`.

    While more follow, the field `Link` of the response has the next page, as RFC 8288 describes.
    """
    workspace = who.reads(_text(workspace_id))
    if limit is None and cursor is None:
        found = parts.endpoints.list(workspace)
    else:
        most = limit or LARGEST_PAGE
        found = parts.endpoints.page(workspace, most + 1, _place(cursor))
        if len(found) > most:
            found = found[:most]
            response.headers["link"] = _next(workspace_id, most, found[-1])
    masked = who.only_reads
    return [EndpointOut.listed(parts.endpoints, each, masked=masked) for each in found]


@router.post("", status_code=201, responses=documented())
def create_endpoint(
    parts: WithParts,
    who: Writing,
    idempotency: WithIdempotency,
    body: EndpointBody,
    response: Response,
) -> EndpointOut:
    """Register an endpoint; 202 if workers learn of it a little later.

    The response contains the secret, only once. Events from `active_from` on are delivered.
    """
    workspace, wanted = who.writes(_text(body.workspace_id)), body.wanted()
    parts.quotas.check_new(parts.endpoints, workspace, wanted, idempotency)
    written = parts.endpoints.add(workspace, wanted, idempotency)
    response.headers["location"] = f"{router.prefix}/{written.endpoint.endpoint_id}"
    return _answer(parts, written, response)


@router.get("/{endpoint_id}", responses=_ONE)
def show_endpoint(
    parts: WithParts, who: Reading, endpoint_id: UUID, response: Response
) -> EndpointOut:
    """Show an endpoint; its ETag makes a later change safe."""
    written = WrittenEndpoint(_mine(parts, who, endpoint_id))
    return _answer(parts, written, response, masked=who.only_reads)


@router.patch("/{endpoint_id}", responses=_CHANGED)
def change_endpoint(
    parts: WithParts,
    who: Writing,
    endpoint_id: UUID,
    body: EndpointChange,
    response: Response,
    if_match: IfMatch = None,
) -> EndpointOut:
    """Change the given fields."""
    known = _matching(_mine(parts, who, endpoint_id), if_match)
    before = parts.endpoints.spec_of(known)
    wanted = body.applied(before)
    parts.quotas.check_change(parts.endpoints, known, before, wanted)
    written = parts.endpoints.update(known.endpoint_id, wanted, known.version)
    return _answer(parts, written, response)


@router.delete("/{endpoint_id}", status_code=204, responses=_CHANGED)
def remove_endpoint(
    parts: WithParts, who: Writing, endpoint_id: UUID, if_match: IfMatch = None
) -> None:
    """Delete an endpoint; its pending deliveries are cancelled."""
    known = _matching(_mine(parts, who, endpoint_id), if_match)
    seen = None if if_match in {None, "*"} else known.version
    parts.endpoints.remove(known.endpoint_id, seen)


@router.post("/{endpoint_id}/enable", responses=_CHANGED)
def enable_endpoint(
    parts: WithParts, who: Writing, endpoint_id: UUID, response: Response
) -> EndpointOut:
    """Enable an endpoint from now on; `warnings` says how to send what it missed."""
    known = _mine(parts, who, endpoint_id)
    return _answer(parts, parts.endpoints.enable(known.endpoint_id), response)


@router.post("/{endpoint_id}/disable", responses=_CHANGED)
def disable_endpoint(
    parts: WithParts,
    who: Writing,
    endpoint_id: UUID,
    response: Response,
    body: Annotated[Disabling, Body(default_factory=Disabling)],
) -> EndpointOut:
    """Disable an endpoint; its pending deliveries become dead letters."""
    known = _mine(parts, who, endpoint_id)
    return _answer(parts, parts.endpoints.disable(known.endpoint_id, body.reason), response)


@router.post("/{endpoint_id}/rotate-secret", responses=_CHANGED)
def rotate_secret(
    parts: WithParts,
    who: Writing,
    idempotency: WithIdempotency,
    endpoint_id: UUID,
    response: Response,
    body: Annotated[Rotation, Body(default_factory=Rotation)],
) -> EndpointOut:
    """Create a new secret, shown only once; former ones keep signing until their overlap ends."""
    known = _mine(parts, who, endpoint_id)
    written = parts.endpoints.rotate_secret(known.endpoint_id, body.overlap_s * 1_000, idempotency)
    return _answer(parts, written, response)


@router.post("/{endpoint_id}/test", responses=_ONE)
async def test_endpoint(
    parts: WithParts,
    who: Writing,
    idempotency: WithIdempotency,
    endpoint_id: UUID,
    body: Annotated[TestBody, Body(default_factory=TestBody)],
) -> TestOut:
    """Send an example of an event now; the response contains the result.

    By default it is an event of a type that the endpoint takes, and that passes its filter if an
    example does. The request has the header `plaudit-test: true`.
    """
    # Before the look-up: a refusal must cost less than what is refused.
    check_quota(parts.quotas.tests, who)
    known = await asyncio.to_thread(_mine, parts, who, endpoint_id)
    if who.key.workspace_id is None:
        # A platform passes its customers' clicks on with an admin key.
        check_workspace(parts.quotas.tests, known.workspace_id)
    sender = await parts.sender.sender()
    tested = await send_test(known, body.type, parts.secrets, sender, idempotency)
    return TestOut(
        id=tested.message_id,
        type=tested.event_type,
        succeeded=tested.succeeded,
        status=tested.attempted.status,
        error=tested.attempted.error,
        answer=tested.answer,
        total_ms=tested.attempted.outcome.timings.total_ms,
        body=tested.body,
    )


@router.get("/{endpoint_id}/health", responses=_ONE)
def show_health(
    parts: WithParts, who: Reading, endpoint_id: UUID, since: Moment = "24h"
) -> HealthOut:
    """Show an endpoint's health: success rate, percentiles, consecutive failures, last error."""
    known = _mine(parts, who, endpoint_id)
    since_ms = epoch_ms("since", since) or 0
    with reading(parts.engine) as connection:
        return HealthOut(**health_of(connection, known.endpoint_id, since_ms))


def _mine(parts: Parts, who: Caller, endpoint_id: UUID) -> StoredEndpoint:
    return who.owns(parts.endpoints.get(str(endpoint_id)))


def _matching(endpoint: StoredEndpoint, if_match: str | None) -> StoredEndpoint:
    """Return the endpoint if it matches the caller's ETag.

    Raises:
        Refused: the endpoint has changed.
    """
    if if_match not in {None, "*", etag(endpoint)}:
        raise Refused(412, f"the endpoint changed; it is at {etag(endpoint)} now", field="if-match")
    return endpoint


def etag(endpoint: StoredEndpoint) -> str:
    """Return the ETag of this version of an endpoint."""
    return f'"{endpoint.version}"'


def _answer(
    parts: Parts, written: WrittenEndpoint, response: Response, *, masked: bool = False
) -> EndpointOut:
    response.headers["etag"] = etag(written.endpoint)
    if written.trouble is not None:
        response.status_code = 202
    return EndpointOut.of(parts.endpoints, written, masked=masked)


def _place(cursor: str | None) -> tuple[int, str] | None:
    """Return the place that a cursor stands for.

    Raises:
        Refused: it is not a cursor.
    """
    if cursor is None:
        return None
    if CURSOR.fullmatch(cursor) is None:
        raise Refused(422, NOT_A_CURSOR, field="cursor")
    created_at, _, endpoint_id = cursor.partition(".")
    return int(created_at), endpoint_id


def _next(workspace_id: UUID | None, limit: int, last: StoredEndpoint) -> str:
    """Return the link to the page after an endpoint."""
    given = {} if workspace_id is None else {"workspace_id": str(workspace_id)}
    cursor = f"{last.created_at}.{last.endpoint_id}"
    return f'<{router.prefix}?{urlencode({**given, "limit": limit, "cursor": cursor})}>; rel="next"'


def _text(some_id: UUID | None) -> str | None:
    return None if some_id is None else str(some_id)
