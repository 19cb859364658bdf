"""Signing out."""

from __future__ import annotations

from fastapi.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from plaudit.api.problems import refusal
from plaudit.console.asking import Answer, Redirected, Shown
from plaudit.console.auth.cookies import session_cookie
from plaudit.console.auth.csrf import FIELD, check_origin, check_token
from plaudit.console.dispatch import PageDispatcher, read_form
from plaudit.console.services import ConsoleServices
from plaudit.console.viewer import BASES, Viewer
from plaudit.store.access.sessions import WebApp


class SignOut:
    """Ends the session of a browser.

    Args:
        services: services.
        web_app: application.
        dispatcher: finds sessions and builds responses.
    """

    def __init__(
        self, services: ConsoleServices, web_app: WebApp, dispatcher: PageDispatcher
    ) -> None:
        self._services = services
        self._web_app = web_app
        self._dispatcher = dispatcher
        self._responder = dispatcher.responder

    async def respond(self, request: Request) -> Response:
        """End the session, for every copy of its cookie."""
        viewer = None
        try:
            viewer = await self._dispatcher.viewer(request)
            if viewer is not None:
                await self._end(request, viewer)
        except ClientDisconnect:
            return Response(None, 400)
        except Exception as error:  # noqa: BLE001 - every error becomes a page
            return self._responder.refused(request, viewer, refusal(error))
        answer: Answer = Redirected(f"{BASES[self._web_app]}/sign-in")
        if self._web_app is WebApp.PORTAL:
            back = None if viewer is None else viewer.session.grant.return_url
            answer = Shown("portal_ended.html", {"return_url": back})
        response = self._responder.respond(request, None, answer)
        cookie = session_cookie(self._web_app, self._services.settings, "", 0)
        response.headers.append("set-cookie", cookie)
        return response

    async def _end(self, request: Request, viewer: Viewer) -> None:
        form = await read_form(request)
        check_origin(request.headers, self._services.settings.console_url)
        check_token(viewer.csrf, next(iter(form.get(FIELD, ())), None))
        await run_in_threadpool(self._services.sessions.revoke, viewer.session.session_id)
