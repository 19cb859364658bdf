"""`/v1/deliveries`: the delivery log, manual retries, and statistics."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Query

from plaudit.api.auth import Reading, WithIdempotency, WithServices, Writing, check_quota
from plaudit.api.dependencies import ApiServices
from plaudit.api.problems import Refused, documented
from plaudit.api.schemas.deliveries import (
    DeliveryCount,
    DeliveryDetail,
    DeliveryOut,
    DeliveryPage,
    RetriedOut,
    SentRequestOut,
    StatsOut,
)
from plaudit.api.schemas.endpoints import RetryBody
from plaudit.api.time_params import Moment, epoch_ms
from plaudit.control.sent_request import sent_request
from plaudit.control.views import OwnHeaders, shown_attempt, shown_delivery
from plaudit.records.attempt import Outcome
from plaudit.store.db.database import reading
from plaudit.store.endpoints.changes import NoSuchEndpoint
from plaudit.store.log.queries import (
    DEFAULT_PAGE,
    LARGEST_PAGE,
    MOST_COUNTED,
    NoSuchDelivery,
    attempts_of,
    count_deliveries,
    find_page,
)
from plaudit.store.log.query import Query as Wanted
from plaudit.store.log.query import State, StatusRange
from plaudit.store.log.stats import Resolution, series, step_ms

router = APIRouter(prefix="/v1", tags=["deliveries"])

_TYPE: Final = r"^[a-z_]+(\.[a-z_]+)*$"
EventType = Annotated[str | None, Query(pattern=_TYPE, max_length=100)]
Status = Annotated[
    str | None,
    Query(
        description="Status of the latest response, such as 503, or a class of them, such as 5xx.",
        json_schema_extra={"pattern": "^[1-5]([0-9]{2}|xx)$"},
    ),
]
Reason = Annotated[
    str | None,
    Query(pattern="^[a-z_]+$", max_length=100, description="Reason code, such as `exhausted`."),
]
Cursor = Annotated[str | None, Query(max_length=200, description="Cursor of the previous page.")]


async def wanted_of(
    who: Reading,
    workspace_id: UUID | None = None,
    endpoint_id: UUID | None = None,
    event_id: UUID | None = None,
    subject: Annotated[
        UUID | None, Query(description="Id of the subject, such as a testimonial's.")
    ] = None,
    event_type: EventType = None,
    state: State | None = None,
    outcome: Outcome | None = None,
    status: Status = None,
    reason: Reason = None,
    since: Moment = None,
    until: Moment = None,
    error: Annotated[
        str | None,
        Query(min_length=1, max_length=200, description="A part of the last error."),
    ] = None,
) -> Wanted:
    """Return the conditions of a request; all must match."""
    return Wanted(
        who.reads(_text(workspace_id)),
        _text(endpoint_id),
        _text(event_id),
        _text(subject),
        event_type,
        state,
        outcome,
        _statuses(status),
        epoch_ms("since", since),
        epoch_ms("until", until),
        reason,
        error,
    )


Filtering = Annotated[Wanted, Depends(wanted_of)]


@router.get("/deliveries", response_model=DeliveryPage, responses=documented())
def list_deliveries(
    services: WithServices,
    query: Filtering,
    cursor: Cursor = None,
    limit: Annotated[int, Query(ge=1, le=LARGEST_PAGE)] = DEFAULT_PAGE,
) -> dict[str, Any]:
    """List deliveries, newest first; all conditions must match.

    With `error`, a page ends after a search of 2,000 deliveries. So it may be short or empty, and
    still have a `cursor`.
    """
    with reading(services.engine) as connection:
        page = find_page(connection, query, limit=limit, cursor=cursor)
    return {"data": [shown_delivery(each) for each in page.deliveries], "cursor": page.cursor}


@router.get("/deliveries/count", operation_id="countDeliveries", responses=documented())
def count_all(services: WithServices, query: Filtering) -> DeliveryCount:
    """Count the deliveries that match all conditions, up to 10,000."""
    with reading(services.engine) as connection:
        count = count_deliveries(connection, query)
    return DeliveryCount(count=count, at_least=count >= MOST_COUNTED)


@router.get("/deliveries/{delivery_id}", response_model=DeliveryDetail, responses=documented(404))
def show_delivery(services: WithServices, who: Reading, delivery_id: UUID) -> dict[str, Any]:
    """Show a delivery with every attempt: request, response, and durations."""
    with reading(services.engine) as connection:
        attempts = attempts_of(connection, str(delivery_id))
    if not attempts or who.key.workspace_id not in {None, attempts[-1].workspace_id}:
        raise NoSuchDelivery(str(delivery_id))
    own = _own_headers(services, attempts[-1].endpoint_id)
    return {
        **shown_delivery(attempts[-1]),
        "attempts": [shown_attempt(each, own) for each in attempts],
    }


@router.get(
    "/deliveries/{delivery_id}/request", operation_id="showSentRequest", responses=documented(404)
)
def show_sent_request(services: WithServices, who: Reading, delivery_id: UUID) -> SentRequestOut:
    """Show the latest request, rendered from the event as long as Kafka or the database has it.

    The body has the endpoint's current format.
    """
    with reading(services.engine) as connection:
        attempts = attempts_of(connection, str(delivery_id))
    if not attempts or who.key.workspace_id not in {None, attempts[-1].workspace_id}:
        raise NoSuchDelivery(str(delivery_id))
    latest = next((each for each in reversed(attempts) if each.is_http), attempts[-1])
    form, own = "standard", _own_headers(services, latest.endpoint_id)
    if own is not None:
        form = services.endpoints.get(latest.endpoint_id).format
    sent = sent_request(services.source, latest, form, own)
    body = None if sent.body is None else sent.body.decode("utf-8", "replace")
    return SentRequestOut(
        headers=dict(sent.headers), body=body, problem=sent.problem, stored=sent.is_stored
    )


@router.post(
    "/deliveries/{delivery_id}/retry",
    status_code=202,
    response_model=DeliveryOut,
    responses=documented(404, 409),
)
def retry_delivery(
    services: WithServices, who: Writing, idempotency: WithIdempotency, delivery_id: UUID
) -> dict[str, Any]:
    """Retry a delivery now; the receiver gets the same `webhook-id`."""
    check_quota(services.quotas.retries, who)
    return shown_delivery(
        services.retrier.retry(str(delivery_id), who.key.workspace_id, idempotency)
    )


@router.post(
    "/deliveries/retry", status_code=202, response_model=RetriedOut, responses=documented()
)
def retry_deliveries(
    services: WithServices,
    who: Writing,
    idempotency: WithIdempotency,
    body: RetryBody,
    workspace_id: UUID | None = None,
) -> dict[str, Any]:
    """Retry the deliveries that match all conditions, up to a limit."""
    query = Wanted(
        None,
        _text(body.endpoint_id),
        _text(body.event_id),
        _text(body.subject),
        body.event_type,
        None if body.state is None else State(body.state),
        since_ms=epoch_ms("since", body.since),
        until_ms=epoch_ms("until", body.until),
    )
    if query == Wanted():
        raise Refused(422, "set at least one condition, such as endpoint_id")
    mine = replace(query, workspace_id=who.reads(_text(workspace_id)))
    check_quota(services.quotas.retries, who)
    done = services.retrier.retry_all(mine, body.limit, body.cursor, idempotency)
    if who.key.workspace_id is not None:
        services.quotas.retries.charge(who.bucket, done.retried)
    return {
        "retried": done.retried,
        "refused": [
            {"delivery_id": each.delivery_id, "code": each.reason, "detail": str(each)}
            for each in done.refused
        ],
        "cursor": done.cursor,
    }


@router.get("/stats", response_model=StatsOut, responses=documented())
def show_stats(
    services: WithServices,
    who: Reading,
    workspace_id: UUID | None = None,
    endpoint_id: UUID | None = None,
    resolution: Resolution = Resolution.HOUR,
    since: Moment = "24h",
    until: Moment = None,
) -> dict[str, Any]:
    """Count attempts per hour or minute, with percentiles of their durations.

    Periods without attempts are included. Minutes are available for a day.
    """
    since_ms = epoch_ms("since", since) or 0
    with reading(services.engine) as connection:
        steps = series(
            connection,
            resolution,
            who.reads(_text(workspace_id)),
            _text(endpoint_id),
            since_ms,
            epoch_ms("until", until),
        )
    return {"data": [each.plain(step_ms(resolution)) for each in steps]}


def _own_headers(services: ApiServices, endpoint_id: str) -> OwnHeaders | None:
    """Return the current names of an endpoint's own headers; None if it was deleted."""
    try:
        known = services.endpoints.get(endpoint_id)
    except NoSuchEndpoint:
        return None
    return OwnHeaders(known.version, tuple(services.endpoints.private(known).headers))


def _statuses(text: str | None) -> StatusRange | None:
    try:
        return None if text is None else StatusRange.parse(text)
    except ValueError as error:
        raise Refused(422, str(error), field="status") from None


def _text(some_id: UUID | None) -> str | None:
    return None if some_id is None else str(some_id)
