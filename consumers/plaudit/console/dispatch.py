"""Dispatcher of an application: finds and checks the session of a request, and calls the page."""

from __future__ import annotations

import inspect
from typing import Final
from urllib.parse import parse_qs, quote

from fastapi.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from plaudit.api.auth import check_rate
from plaudit.api.middleware.body import read_body
from plaudit.api.problems import Refused, refusal
from plaudit.console.asking import Answer, Ask, Fields, Redirected, Shown, SitePage
from plaudit.console.auth.cookies import cookie_name
from plaudit.console.auth.csrf import FIELD, check_origin, check_token, csrf_of
from plaudit.console.responding import Responder
from plaudit.console.services import ConsoleServices
from plaudit.console.viewer import BASES, Viewer
from plaudit.store.access.sessions import WebApp
from plaudit.store.audit.actor import Actor, ActorKind, acting

MOST_BYTES: Final = 256 * 1024
"""Maximum body of a form."""
MOST_FIELDS: Final = 1_000
_FORM: Final = "application/x-www-form-urlencoded"


class PageDispatcher:
    """Answers the requests of one application.

    Args:
        services: services.
        web_app: application.

    Attributes:
        responder: builds responses.
    """

    def __init__(self, services: ConsoleServices, web_app: WebApp) -> None:
        self._services = services
        self._web_app = web_app
        self.responder = Responder(web_app, services.settings)

    async def respond(self, page: SitePage, request: Request) -> Response:
        """Return the response of a page."""
        viewer = None
        try:
            viewer = await self.viewer(request)
            if viewer is None:
                return self._signed_out(request)
            answer = await self._answer(page, request, viewer)
        except ClientDisconnect:
            return Response(None, 400)
        except Exception as error:  # noqa: BLE001 - every error becomes a page
            return self.responder.refused(request, viewer, refusal(error))
        return self.responder.respond(request, viewer, answer)

    async def viewer(self, request: Request) -> Viewer | None:
        """Return the viewer of a request; None without a valid session.

        Raises:
            DatabaseFailure: the database is not available.
        """
        token = request.cookies.get(cookie_name(self._web_app, self._services.settings))
        if not token:
            return None
        session = await run_in_threadpool(self._services.sessions.find, self._web_app, token)
        return None if session is None else Viewer.of(session, csrf_of(token))

    async def _answer(self, page: SitePage, request: Request, viewer: Viewer) -> Answer:
        await check_rate(self._services.api.limits, viewer.caller)
        viewer.check_opens(page.section, operators=page.operators)
        form: Fields = {}
        handler = page.show
        if request.method == "POST":
            form = await read_form(request)
            check_origin(request.headers, self._services.settings.console_url)
            check_token(viewer.csrf, next(iter(form.get(FIELD, ())), None))
            viewer.caller.check_writes()
            handler = page.change
        if handler is None:
            raise Refused(405, "this page does not support that action")
        query = parse_qs(request.url.query, max_num_fields=MOST_FIELDS)
        path = request.url.path.removeprefix(BASES[self._web_app])
        ask = Ask(self._services, viewer, request.path_params, query, form, path=path)
        session = viewer.session
        who = Actor(ActorKind.SESSION, session.session_id, session.address, session.grant.name)
        with acting(who):
            if inspect.iscoroutinefunction(handler):
                answer: Answer = await handler(ask)
                return answer
            found = await run_in_threadpool(handler, ask)
        if inspect.isawaitable(found):
            return await found
        return found

    def _signed_out(self, request: Request) -> Response:
        """Return a redirection to the sign-in page, which leads back here."""
        if self._web_app is WebApp.PORTAL:
            return self.responder.respond(request, None, Shown("portal_ended.html", {}, 401))
        if request.method == "POST":
            refused = Refused(401, "you have been signed out; sign in, then try again")
            return self.responder.refused(request, None, refused)
        back = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        to = f"{BASES[self._web_app]}/sign-in?next={quote(back)}"
        response = self.responder.respond(request, None, Redirected(to))
        if "hx-request" in request.headers:
            response.headers["hx-redirect"] = to
        return response


async def read_form(request: Request) -> Fields:
    """Return the values of a form.

    Raises:
        Refused: the form is too large or invalid.
        ClientDisconnect: the client disconnected before the end.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != _FORM:
        raise Refused(415, f"send a form as {_FORM}")
    length = request.headers.get("content-length")
    body = await read_body(request.receive, length, MOST_BYTES)
    try:
        return parse_qs(
            body.decode(), keep_blank_values=True, max_num_fields=MOST_FIELDS, errors="strict"
        )
    except ValueError:
        raise Refused(400, "the form can't be parsed") from None
