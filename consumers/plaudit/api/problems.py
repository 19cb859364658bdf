"""Problem documents (RFC 9457) for every error response."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from plaudit.control.dead_letters import NoSuchLetter
from plaudit.control.retry import RetryRefused
from plaudit.endpoints.keys import CannotOpen
from plaudit.events.catalogue import UnknownEventType
from plaudit.events.registry.errors import RegistryFailure
from plaudit.kafka.errors import KafkaFailure, NotAuthorized, TopicMissing, TopicProblem
from plaudit.logs.logger import event_logger
from plaudit.records.validation import explained
from plaudit.store.access.api_keys import NoSuchKey
from plaudit.store.access.sessions import NoSuchSession
from plaudit.store.db.database import DatabaseFailure
from plaudit.store.endpoints.changes import ChangedMeanwhile, NoSuchEndpoint
from plaudit.store.endpoints.spec import InputRefused
from plaudit.store.jobs.job_model import NoSuchJob
from plaudit.store.log.queries import NoSuchDelivery

_log = event_logger(__name__)

MEDIA_TYPE: Final = "application/problem+json"
RETRY_AFTER_S: Final = 5


class Problem(BaseModel):
    """A problem document."""

    type: str = Field(default="about:blank", description="URI of the kind of problem.")
    title: str = Field(examples=["Not Found"], description="Reason phrase of the status.")
    status: int = Field(examples=[404])
    detail: str = Field(description="The problem and its remedy.")
    field: str | None = Field(
        default=None, description="Part of the request with the problem, if any."
    )
    code: str | None = Field(default=None, description="Stable code, if any.")


class Refused(Exception):
    """An error whose response is a problem document."""

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        field: str | None = None,
        code: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.field = field
        self.code = code
        self.headers = headers


def answer(refused: Refused) -> JSONResponse:
    """Return the response with the document."""
    problem = Problem(
        title=HTTPStatus(refused.status).phrase,
        status=refused.status,
        detail=refused.detail,
        field=refused.field,
        code=refused.code,
    )
    return JSONResponse(
        problem.model_dump(exclude_none=True),
        refused.status,
        headers=refused.headers,
        media_type=MEDIA_TYPE,
    )


def refusal(error: Exception) -> Refused:
    """Return the problem document for one of Plaudit's errors."""
    match error:
        case Refused():
            return error
        case InputRefused():
            return Refused(422, error.reason, field=error.field)
        case UnknownEventType():
            return Refused(422, unknown_type(error), field="type")
        case (
            NoSuchEndpoint() | NoSuchDelivery() | NoSuchKey() | NoSuchJob() | NoSuchSession()
            | NoSuchLetter()
        ):  # fmt: skip
            return Refused(404, str(error).partition(";")[0])
        case RetryRefused():
            return Refused(409, str(error), code=error.reason)
        case ChangedMeanwhile():
            return Refused(412, str(error))
        case TopicProblem() | NotAuthorized() | CannotOpen():
            return _misconfigured(error)
        case DatabaseFailure() | KafkaFailure() | RegistryFailure():
            return _away(error)
        case HTTPException():
            headers = None if error.headers is None else dict(error.headers)
            return Refused(error.status_code, str(error.detail), headers=headers)
    _log.error("api.crashed", exc_info=error)
    return Refused(500, "internal error; see the server's log")


def unknown_type(error: UnknownEventType) -> str:
    """Return the message for API callers, which refers to a route instead of a command."""
    close = f"did you mean {' or '.join(error.close)}?"
    return f"unknown event type {error.name!r}: {close if error.close else 'see /v1/event-types'}"


def _away(error: Exception) -> Refused:
    _log.warning("api.unavailable", extra={"error": str(error)})
    detail = "the database or the brokers can't be reached now; try again"
    return Refused(503, detail, headers={"retry-after": str(RETRY_AFTER_S)})


def _misconfigured(error: TopicProblem | NotAuthorized | CannotOpen) -> Refused:
    """Return the document of an error that an operator must resolve, as a retry can't succeed."""
    _log.error("api.misconfigured", extra={"error": str(error)})
    match error:
        case TopicMissing():
            return Refused(500, str(error), code="topic_missing")
        case TopicProblem():
            return Refused(500, str(error), code="topic_unfit")
        case NotAuthorized():
            detail = "the brokers do not allow this server to do that; its operator has to check"
            return Refused(500, detail, code="not_authorized")
        case CannotOpen():
            detail = "this server can't decrypt the endpoint; its operator has to check"
            return Refused(500, detail, code="endpoint_unreadable")


def invalid(error: RequestValidationError) -> Refused:
    """Return the problem document with the first violation of the schema."""
    first: dict[str, Any] = error.errors()[0]
    if first["type"] == "json_invalid":
        return Refused(422, f"not JSON: {first['ctx']['error']}", field="body")
    place, *path = first["loc"] or ("request",)
    named = ".".join(str(part) for part in path) or str(place)
    return Refused(422, explained(first), field=named)


def install(app: FastAPI) -> None:
    """Add handlers that turn every error into a problem document."""

    async def handle(_: Request, error: Exception) -> JSONResponse:
        return answer(refusal(error))

    async def handle_invalid(_: Request, error: Exception) -> JSONResponse:
        if not isinstance(error, RequestValidationError):
            return answer(refusal(error))
        return answer(invalid(error))

    kinds: tuple[type[Exception], ...] = (
        Refused, InputRefused, UnknownEventType, NoSuchEndpoint, NoSuchDelivery, NoSuchKey,
        RetryRefused, ChangedMeanwhile, DatabaseFailure, KafkaFailure, CannotOpen, RegistryFailure,
        HTTPException, NoSuchJob, NoSuchLetter, NoSuchSession, Exception,
    )  # fmt: skip
    for kind in kinds:
        app.add_exception_handler(kind, handle)
    app.add_exception_handler(RequestValidationError, handle_invalid)


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the problem documents of a route for its OpenAPI description."""
    return {
        status: {
            "description": HTTPStatus(status).phrase,
            "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
        for status in (401, 403, 422, 503, *statuses)
    }
