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
    WithServices,
    Writing,
    check_quota,
    check_workspace,
)
from plaudit.api.dependencies import ApiServices
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
    Header(description="ETag; the change fails if the endpoint has another version."),
]
LARGEST_PAGE: Final = 1_000
CURSOR: Final = re.compile(r"\d{1,18}\.[0-9a-f-]{36}")
NOT_A_CURSOR: Final = "not a cursor: take it from the `Link` of the previous page"
_ONE: Final = documented(404)
_CHANGED: Final = documented(404, 412)


@router.get("", responses=documented())
def list_endpoints(
    services: WithServices,
    who: Reading,
    response: Response,
    workspace_id: UUID | None = None,
    limit: Annotated[int, Query(ge=1, le=LARGEST_PAGE)] = LARGEST_PAGE,
    cursor: Annotated[str | None, Query(description="Cursor of the previous page.")] = None,
) -> list[EndpointOut]:
    """List a page of endpoints in order of creation.

    If more follow, the header `Link` of the response has the next page (RFC 8288).
    """
    workspace = who.reads(_text(workspace_id))
    found = services.endpoints.page(workspace, limit + 1, _place(cursor))
    if len(found) > limit:
        found = found[:limit]
        response.headers["link"] = _next(workspace_id, limit, found[-1])
    masked = who.only_reads
    return [EndpointOut.listed(services.endpoints, each, masked=masked) for each in found]


@router.post("", status_code=201, responses=documented())
def create_endpoint(
    services: WithServices,
    who: Writing,
    idempotency: WithIdempotency,
    body: EndpointBody,
    response: Response,
) -> EndpointOut:
    """Register an endpoint; 202 if workers will learn of it later.

    Only this response contains the secret. Service starts at `active_from`.
    """
    workspace, wanted = who.writes(_text(body.workspace_id)), body.wanted()
    services.quotas.check_new(services.endpoints, workspace, wanted, idempotency)
    written = services.endpoints.add(workspace, wanted, idempotency)
    response.headers["location"] = f"{router.prefix}/{written.endpoint.endpoint_id}"
    return _answer(services, written, response)


@router.get("/{endpoint_id}", responses=_ONE)
def show_endpoint(
    services: WithServices, who: Reading, endpoint_id: UUID, response: Response
) -> EndpointOut:
    """Show an endpoint; its ETag makes a later change safe."""
    written = WrittenEndpoint(_mine(services, who, endpoint_id))
    return _answer(services, written, response, masked=who.only_reads)


@router.patch("/{endpoint_id}", responses=_CHANGED)
def change_endpoint(
    services: WithServices,
    who: Writing,
    endpoint_id: UUID,
    body: EndpointChange,
    response: Response,
    if_match: IfMatch = None,
) -> EndpointOut:
    """Change the fields in the body."""
    known = _matching(_mine(services, who, endpoint_id), if_match)
    before = services.endpoints.spec_of(known)
    wanted = body.applied(before)
    services.quotas.check_change(services.endpoints, known, before, wanted)
    written = services.endpoints.update(known.endpoint_id, wanted, known.version)
    return _answer(services, written, response)


@router.delete("/{endpoint_id}", status_code=204, responses=_CHANGED)
def remove_endpoint(
    services: WithServices, who: Writing, endpoint_id: UUID, if_match: IfMatch = None
) -> None:
    """Delete an endpoint; its pending deliveries are cancelled."""
    known = _matching(_mine(services, who, endpoint_id), if_match)
    seen = None if if_match in {None, "*"} else known.version
    services.endpoints.remove(known.endpoint_id, seen)


@router.post("/{endpoint_id}/enable", responses=_CHANGED)
def enable_endpoint(
    services: WithServices, who: Writing, endpoint_id: UUID, response: Response
) -> EndpointOut:
    """Enable an endpoint from now on; `warnings` has the command that sends missed events."""
    known = _mine(services, who, endpoint_id)
    return _answer(services, services.endpoints.enable(known.endpoint_id), response)


@router.post("/{endpoint_id}/disable", responses=_CHANGED)
def disable_endpoint(
    services: WithServices,
    who: Writing,
    endpoint_id: UUID,
    response: Response,
    body: Annotated[Disabling, Body(default_factory=Disabling)],
) -> EndpointOut:
    """Disable an endpoint; its pending deliveries become dead letters."""
    known = _mine(services, who, endpoint_id)
    return _answer(services, services.endpoints.disable(known.endpoint_id, body.reason), response)


@router.post("/{endpoint_id}/rotate-secret", responses=_CHANGED)
def rotate_secret(
    services: WithServices,
    who: Writing,
    idempotency: WithIdempotency,
    endpoint_id: UUID,
    response: Response,
    body: Annotated[Rotation, Body(default_factory=Rotation)],
) -> EndpointOut:
    """Create a new secret, shown only once; former ones keep signing until their overlap ends."""
    known = _mine(services, who, endpoint_id)
    written = services.endpoints.rotate_secret(
        known.endpoint_id, body.overlap_s * 1_000, idempotency
    )
    return _answer(services, written, response)


@router.post("/{endpoint_id}/test", responses=_ONE)
async def test_endpoint(
    services: WithServices,
    who: Writing,
    idempotency: WithIdempotency,
    endpoint_id: UUID,
    body: Annotated[TestBody, Body(default_factory=TestBody)],
) -> TestOut:
    """Send an example of an event now; the response contains the result.

    By default, it has a type to which the endpoint subscribes, and passes its filter if possible.
    The request has the header `plaudit-test: true`.
    """
    # Before the look-up, because a refusal must cost less than the operation.
    check_quota(services.quotas.tests, who)
    known = await asyncio.to_thread(_mine, services, who, endpoint_id)
    if who.key.workspace_id is None:
        # A platform uses its admin key for all of its customers.
        check_workspace(services.quotas.tests, known.workspace_id)
    sender = await services.sender.sender()
    tested = await send_test(known, body.type, services.secrets, sender, idempotency)
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
    services: WithServices, who: Reading, endpoint_id: UUID, since: Moment = "24h"
) -> HealthOut:
    """Show an endpoint's health: success rate, percentiles, consecutive failures, last error."""
    known = _mine(services, who, endpoint_id)
    since_ms = epoch_ms("since", since) or 0
    with reading(services.engine) as connection:
        return HealthOut(**health_of(connection, known.endpoint_id, since_ms))


def _mine(services: ApiServices, who: Caller, endpoint_id: UUID) -> StoredEndpoint:
    return who.owns(services.endpoints.get(str(endpoint_id)))


def _matching(endpoint: StoredEndpoint, if_match: str | None) -> StoredEndpoint:
    """Return the endpoint if it matches the caller's ETag.

    Raises:
        Refused: the endpoint has changed.
    """
    if if_match not in {None, "*", etag(endpoint)}:
        raise Refused(
            412, f"the endpoint has changed; its ETag is {etag(endpoint)} now", field="if-match"
        )
    return endpoint


def etag(endpoint: StoredEndpoint) -> str:
    """Return the ETag of this version of an endpoint."""
    return f'"{endpoint.version}"'


def _answer(
    services: ApiServices, written: WrittenEndpoint, response: Response, *, masked: bool = False
) -> EndpointOut:
    response.headers["etag"] = etag(written.endpoint)
    if written.trouble is not None:
        response.status_code = 202
    return EndpointOut.of(services.endpoints, written, masked=masked)


def _place(cursor: str | None) -> tuple[int, str] | None:
    """Return the position that a cursor encodes.

    Raises:
        Refused: the text is not a cursor.
    """
    if cursor is None:
        return None
    if CURSOR.fullmatch(cursor) is None:
        raise Refused(422, NOT_A_CURSOR, field="cursor")
    created_at, _, endpoint_id = cursor.partition(".")
    return int(created_at), endpoint_id


def _next(workspace_id: UUID | None, limit: int, last: StoredEndpoint) -> str:
    """Return the link to the page that follows an endpoint."""
    given = {} if workspace_id is None else {"workspace_id": str(workspace_id)}
    cursor = f"{last.created_at}.{last.endpoint_id}"
    return f'<{router.prefix}?{urlencode({**given, "limit": limit, "cursor": cursor})}>; rel="next"'


def _text(some_id: UUID | None) -> str | None:
    return None if some_id is None else str(some_id)
