"""Request guard: checks API key, rate limit and body size before a route runs.

It does not read the body of an unknown caller. It limits the body of a known caller before the
framework parses it. It also collects garbage: a refused request leaves reference cycles with its
body, which this process would otherwise free much later.
"""

from __future__ import annotations

import gc
from typing import Final

from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from plaudit.api.auth import CALLER, Caller, admitted
from plaudit.api.dependencies import ApiServices
from plaudit.api.middleware.body import read_body
from plaudit.api.problems import Refused, answer, refusal
from plaudit.api.routes.events import ROUTE
from plaudit.bulk.nesting import TooDeep, check_depth
from plaudit.store.audit.actor import Actor, ActorKind, acting

MOST_BYTES: Final = 1024 * 1024
"""Maximum body of requests that do not publish; twice the size of the largest valid endpoint."""
COLLECT_AFTER: Final = 32 * 1024 * 1024
"""Bytes of bodies between two collections; one takes about 10 ms, less than parsing the bodies."""
OPEN: Final = "/v1/openapi.json"


class RequestGuard:
    """Middleware around all routes of `/v1`.

    Args:
        app: receives admitted requests.
        services: services of the process.
    """

    def __init__(self, app: ASGIApp, services: ApiServices) -> None:
        self._app = app
        self._services = services
        self._held = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Admit a request, or respond with a refusal."""
        if scope["type"] != "http" or not scope["path"].startswith("/v1") or scope["path"] == OPEN:
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        events = scope["path"] == ROUTE.path and scope["method"] == "POST"
        try:
            authorization = headers.get("authorization")
            scope[CALLER] = await admitted(self._services, authorization, events=events)
            if not events and _has_body(headers):
                receive = await self._read(headers, receive)
        except ClientDisconnect:
            return
        except Exception as error:  # noqa: BLE001 - every error becomes a problem document
            await answer(refusal(error))(scope, receive, send)
            return
        who: Caller = scope[CALLER]
        with acting(Actor(ActorKind.KEY, who.key.key_id, _address(scope), who.key.name)):
            await self._app(scope, receive, send)
        if self._held > COLLECT_AFTER:
            self._held = 0
            gc.collect()

    async def _read(self, headers: Headers, receive: Receive) -> Receive:
        """Read a body; return the ASGI function that passes it to the application.

        Raises:
            Refused: the body is too large, or nested too deeply.
            ClientDisconnect: the client disconnected before the end.
        """
        body = await read_body(receive, headers.get("content-length"), MOST_BYTES)
        self._held += len(body)
        try:
            check_depth(body)
        except TooDeep as error:
            raise Refused(400, f"JSON {error}") from None
        given = False

        async def again() -> Message:
            nonlocal given
            if given:
                return await receive()
            given = True
            return {"type": "http.request", "body": body, "more_body": False}

        return again


def _address(scope: Scope) -> str:
    client = scope.get("client")
    return client[0] if client else "unknown"


def _has_body(headers: Headers) -> bool:
    return "content-length" in headers or "transfer-encoding" in headers
