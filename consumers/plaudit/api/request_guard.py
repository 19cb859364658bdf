"""What every request passes first: its key, how often it comes, and the size of its body.

Nothing of a body is read for a caller who is not known. What is read is bounded before the
framework parses it, and given back: a request that is refused leaves cycles of references, which
the collector of this process would find only much later.
"""

from __future__ import annotations

import gc
from typing import Final

from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from plaudit.api.auth import CALLER, admitted
from plaudit.api.dependencies import Parts
from plaudit.api.middleware.body import read_body
from plaudit.api.problems import Refused, answer, refusal
from plaudit.api.routes.events import ROUTE
from plaudit.bulk.nesting import TooDeep, check_depth

MOST_BYTES: Final = 1024 * 1024
"""Of a body that does not bring events; the largest endpoint that is allowed has half of it."""
COLLECT_AFTER: Final = 32 * 1024 * 1024
"""Bytes of bodies. Collecting takes some 10 ms, which is less than parsing them."""
OPEN: Final = "/v1/openapi.json"


class Door:
    """Middleware around all routes of `/v1`.

    Args:
        app: gets what is let in.
        parts: what the process is made of.
    """

    def __init__(self, app: ASGIApp, parts: Parts) -> None:
        self._app = app
        self._parts = parts
        self._held = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request in, or answer why not."""
        if scope["type"] != "http" or not scope["path"].startswith("/v1") or scope["path"] == OPEN:
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        events = scope["path"] == ROUTE.path and scope["method"] == "POST"
        try:
            authorization = headers.get("authorization")
            scope[CALLER] = await admitted(self._parts, authorization, events=events)
            if not events and _has_body(headers):
                receive = await self._read(headers, receive)
        except ClientDisconnect:
            return
        except Exception as error:  # noqa: BLE001 - every one is answered by a problem document
            await answer(refusal(error))(scope, receive, send)
            return
        await self._app(scope, receive, send)
        if self._held > COLLECT_AFTER:
            self._held = 0
            gc.collect()

    async def _read(self, headers: Headers, receive: Receive) -> Receive:
        """Read a body; return what gives it to the application.

        Raises:
            Refused: it is too large, or nested too deep.
            ClientDisconnect: the client went away before its end.
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


def _has_body(headers: Headers) -> bool:
    return "content-length" in headers or "transfer-encoding" in headers
