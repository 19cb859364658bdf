"""`/v1/dead-letters`: counts, pages, single letters and exports."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field

from plaudit.api.auth import Reading, WithServices
from plaudit.api.problems import Refused, documented
from plaudit.control.dead_letters import LETTERS_PAGE, DeadLetters
from plaudit.dlq.letters.filters import FilterOptions, LetterFilter, LetterFilterRefused, parse
from plaudit.dlq.letters.letter import Kind
from plaudit.records.times import wall_ms

router = APIRouter(prefix="/v1/dead-letters", tags=["dead letters"])

JSON_LINES: Final = "application/x-ndjson"
_TIMES = "RFC 3339, UTC."
_EXPORT: Final[dict[int | str, dict[str, Any]]] = {
    200: {"content": {JSON_LINES: {"schema": {"type": "string"}}}}
}


class DeadLetterOut(BaseModel):
    """A dead letter."""

    delivery_id: str = Field(
        description="Delivery id; `topic:partition:offset:time` for an unreadable record."
    )
    endpoint_id: str | None
    event_id: str | None
    event_type: str | None
    workspace_id: str | None
    reason: str | None = Field(description="Reason code, such as `exhausted`.")
    attempts: int
    redrives: int = Field(description="Number of earlier redrives.")
    last_status: int | None
    last_error: str | None
    dead_at: str = Field(description=_TIMES)


class DeadLetterDetail(DeadLetterOut):
    """A dead letter with its headers and its event."""

    headers: dict[str, str]
    event: str = Field(description="JSON as subscribers receive it, or why it can't be read.")


class DeadLetterPage(BaseModel):
    """A page of dead letters, newest first; the next page begins at `cursor`."""

    data: list[DeadLetterOut]
    cursor: str | None = None


class DeadLetterCounts(BaseModel):
    """Counts of dead letters."""

    total: int
    expiring: int = Field(description="Letters that retention removes within three days.")
    complete: bool = Field(
        description="Whether all letters were counted, not just the newest 50,000."
    )
    by: dict[str, dict[str, int]] = Field(
        description="Counts by `reason`, `endpoint`, `type`, `topic`, `day` and `age`."
    )


@dataclass(frozen=True, slots=True)
class LetterWanted:
    """Conditions of a request."""

    kind: Kind
    filter: LetterFilter


async def wanted_of(
    who: Reading,
    kind: Kind = Kind.DELIVERIES,
    workspace_id: UUID | None = None,
    endpoint_id: UUID | None = None,
    event_type: Annotated[str | None, Query(max_length=100)] = None,
    reason: Annotated[str | None, Query(max_length=100)] = None,
    status: Annotated[
        str | None, Query(max_length=4, description="Such as 503, 5xx, or none for no answer.")
    ] = None,
    since: Annotated[str | None, Query(max_length=40)] = None,
    until: Annotated[str | None, Query(max_length=40)] = None,
    error: Annotated[
        str | None, Query(max_length=200, description="A part of the last error.")
    ] = None,
) -> LetterWanted:
    """Return the conditions of a request; all must match."""
    workspace = who.reads(None if workspace_id is None else str(workspace_id))
    check_kind(kind, workspace)
    options = FilterOptions(
        _one(workspace),
        _one(None if endpoint_id is None else str(endpoint_id)),
        _one(event_type),
        _one(reason),
        (),
        _one(status),
        since,
        until,
        error=error,
    )
    try:
        return LetterWanted(kind, parse(options, wall_ms()))
    except LetterFilterRefused as refused:
        raise Refused(422, refused.problem, field=refused.option.removeprefix("--")) from None


Filtering = Annotated[LetterWanted, Depends(wanted_of)]


@router.get("", operation_id="listDeadLetters", responses=documented())
def list_letters(
    services: WithServices,
    wanted: Filtering,
    cursor: Annotated[
        str | None, Query(max_length=80, description="Cursor of the previous page.")
    ] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = LETTERS_PAGE,
) -> DeadLetterPage:
    """List dead letters, newest first; all conditions must match.

    The list contains the newest 50,000, the export all of them.
    """
    page = services.letters.page(wanted.kind, wanted.filter, cursor, limit)
    data = [DeadLetterOut.model_validate(each.summary()) for each in page.letters]
    return DeadLetterPage(data=data, cursor=page.cursor)


@router.get("/counts", operation_id="countDeadLetters", responses=documented())
def count_letters(services: WithServices, wanted: Filtering) -> DeadLetterCounts:
    """Count matching dead letters, by reason, endpoint, type, day and age."""
    found = services.letters.count(wanted.kind, wanted.filter, wall_ms())
    by = {name: dict(counts) for name, counts in found.by.items()}
    return DeadLetterCounts(
        total=found.total, expiring=found.expiring, complete=found.complete, by=by
    )


@router.get(
    "/export",
    operation_id="exportDeadLetters",
    response_class=StreamingResponse,
    responses={**documented(), **_EXPORT},
)
def export_letters(services: WithServices, wanted: Filtering) -> StreamingResponse:
    """Export matching dead letters as JSON lines, the input of `plaudit dlq import`."""
    lines = begun(services.letters, wanted.kind, wanted.filter)
    headers = {"content-disposition": 'attachment; filename="dead-letters.jsonl"'}
    return StreamingResponse(lines, media_type=JSON_LINES, headers=headers)


@router.get("/{delivery_id}", operation_id="showDeadLetter", responses=documented(404))
def show_letter(
    services: WithServices,
    who: Reading,
    delivery_id: Annotated[str, Path(max_length=300)],
    kind: Kind = Kind.DELIVERIES,
) -> DeadLetterDetail:
    """Show a dead letter with its headers and its event."""
    check_kind(kind, who.key.workspace_id)
    found = services.letters.find(kind, delivery_id, who.key.workspace_id)
    headers = {name: value.decode("utf-8", "replace") for name, value in found.letter.headers}
    return DeadLetterDetail.model_validate(
        {**found.letter.summary(), "headers": headers, "event": found.event}
    )


def check_kind(kind: Kind, workspace_id: str | None) -> None:
    """Check that a caller may see letters of a kind.

    Raises:
        Refused: the letters are unreadable events, which do not belong to a workspace.
    """
    if kind is Kind.EVENTS and workspace_id is not None:
        detail = "unreadable events belong to no workspace; only an admin key can read them"
        raise Refused(403, detail, field="kind")


def begun(letters: DeadLetters, kind: Kind, wanted: LetterFilter) -> Iterator[str]:
    """Return the lines of an export; read the first now, so that a failure gets its own status.

    Raises:
        KafkaFailure: the brokers are unavailable or refuse.
    """
    lines = letters.export(kind, wanted)
    first = list(_first(lines))
    return chain(first, lines)


def _first(lines: Iterator[str]) -> Iterator[str]:
    for each in lines:
        yield each
        return


def _one(text: str | None) -> list[str]:
    return [] if text is None else [text]
