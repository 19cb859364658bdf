"""Middleware for `Idempotency-Key` on POST requests: a repetition gets the same response.

As in the IETF draft, another request with the same key gets a 422, and a repetition during the
first request a 409. A key belongs to an API key and expires after a day. The database stores only
successful responses: a refused request changed nothing, and may be repeated with its key. If a
process is killed during a request, the repetition uses the same ids and secrets (see
`IdempotencySeed`), so the request takes effect once.
"""

from __future__ import annotations

import hashlib
from typing import Final

import orjson
from fastapi.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from plaudit.api.auth import CALLER, IDEMPOTENCY_SEED, Caller
from plaudit.api.dependencies import ApiServices
from plaudit.api.middleware.body import read_body
from plaudit.api.problems import Refused, answer, refusal
from plaudit.endpoints.keys import CannotOpen
from plaudit.logs.logger import event_logger
from plaudit.store.access.api_keys import Scope as KeyScope
from plaudit.store.access.idempotency_store import KeyReused, StoredResponse
from plaudit.store.db.database import DatabaseFailure
from plaudit.store.endpoints.idempotency_seed import IdempotencySeed

_log = event_logger(__name__)

HEADER: Final = "idempotency-key"
LONGEST: Final = 255
_SUCCESS: Final = range(200, 300)
_KEPT_HEADERS: Final = frozenset({"content-type", "location", "etag"})
PARAMETER: Final = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "schema": {"type": "string", "minLength": 1, "maxLength": LONGEST, "pattern": "^[!-~]+$"},
    "description": "Makes a retry safe: a request with the same key gets the stored response.",
}


class Idempotency:
    """Middleware around the routes.

    Args:
        app: application that handles the requests.
        services: services of the process.
    """

    def __init__(self, app: ASGIApp, services: ApiServices) -> None:
        self._app = app
        self._services = services
        self._under_way: set[str] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request; pass it on unchanged if it has no key."""
        if scope["type"] != "http" or scope["method"] != "POST" or CALLER not in scope:
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        if HEADER not in headers:
            await self._app(scope, receive, send)
            return
        try:
            response = await self._response(scope, receive, headers)
        except ClientDisconnect:
            return
        except (Refused, DatabaseFailure, CannotOpen) as error:
            response = answer(refusal(error))
        await response(scope, receive, send)

    async def _response(self, scope: Scope, receive: Receive, headers: Headers) -> Response:
        """Return the stored response, or carry the request out.

        Raises:
            Refused: the key is not valid, or belongs to another request.
            DatabaseFailure: the request was not carried out.
        """
        key = _checked(headers[HEADER])
        who: Caller = scope[CALLER]
        body = await read_body(receive, headers.get("content-length"))
        if who.key.scope is KeyScope.READ:
            return await self._carried_out(scope, body)
        answer_id = _digest(who.key.key_id.encode(), key.encode())
        request = _digest(scope["path"].encode(), scope["query_string"], body)
        if answer_id in self._under_way:
            detail = "the first request with this key is still in progress"
            raise Refused(409, detail, field=HEADER, code="request_in_progress")
        self._under_way.add(answer_id)
        try:
            begun = await run_in_threadpool(self._services.answers.begin, answer_id, request)
            match begun:
                case StoredResponse():
                    return _again(begun)
                case IdempotencySeed():
                    scope[IDEMPOTENCY_SEED] = begun
                    return await self._first(scope, body, answer_id)
        except KeyReused:
            detail = "this key was used for another request; use a new one for each"
            raise Refused(422, detail, field=HEADER, code="key_reused") from None
        finally:
            self._under_way.discard(answer_id)

    async def _first(self, scope: Scope, body: bytes, answer_id: str) -> Response:
        """Carry a request out, and store its response before sending it."""
        answers = self._services.answers
        try:
            response = await self._carried_out(scope, body)
        except BaseException:
            await run_in_threadpool(answers.forget, answer_id)
            raise
        try:
            if response.status_code in _SUCCESS:
                kept = StoredResponse(response.status_code, _content(response))
                await run_in_threadpool(answers.keep, answer_id, kept)
            else:
                await run_in_threadpool(answers.forget, answer_id)
        except DatabaseFailure as failure:
            # The request succeeded, and a repetition has the same effect.
            _log.warning("idempotency.not_stored", extra={"error": str(failure)})
        return response

    async def _carried_out(self, scope: Scope, body: bytes) -> Response:
        status, sent, chunks = 500, Headers(), bytearray()

        async def receive() -> Message:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Message) -> None:
            nonlocal status, sent
            if message["type"] == "http.response.start":
                status, sent = message["status"], Headers(raw=message["headers"])
            else:
                chunks.extend(message.get("body", b""))

        await self._app(scope, receive, send)
        return Response(bytes(chunks), status, dict(sent))


def _checked(key: str) -> str:
    """Return the key without the quotes of the draft.

    Raises:
        Refused: the key is not valid.
    """
    bare = key[1:-1] if len(key) > 1 and key[0] == key[-1] == '"' else key
    if not 0 < len(bare) <= LONGEST or not (bare.isascii() and bare.isprintable()):
        raise Refused(400, f"1 to {LONGEST} printable ASCII characters", field=HEADER)
    return bare


def _digest(*services: bytes) -> str:
    sizes = b"".join(len(each).to_bytes(8, "big") for each in services)
    return hashlib.sha256(sizes + b"".join(services)).hexdigest()


def _content(response: Response) -> bytes:
    kept = {name: value for name, value in response.headers.items() if name in _KEPT_HEADERS}
    return orjson.dumps(kept) + b"\n" + bytes(response.body)


def _again(kept: StoredResponse) -> Response:
    headers, _, body = kept.content.partition(b"\n")
    return Response(body, kept.status, {**orjson.loads(headers), "idempotent-replayed": "true"})
