"""Signing in with a link that works once.

Mail scanners and previews of links open every address that they see. So opening a link shows a
page with a button, and only the button uses the link up.
"""

from __future__ import annotations

from fastapi.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from plaudit.api.problems import refusal
from plaudit.console.asking import Shown
from plaudit.console.auth.csrf import check_origin
from plaudit.console.dispatch import read_form
from plaudit.console.parts import ConsoleParts
from plaudit.console.responding import Responder
from plaudit.console.sign_in.opening import SessionOpener
from plaudit.console.viewer import BASES
from plaudit.store.access.sessions import WebApp


class LinkSignIn:
    """The page of a link, and the exchange of the link for a session.

    Args:
        parts: services.
        web_app: application.
        responder: makes responses.
    """

    def __init__(self, parts: ConsoleParts, web_app: WebApp, responder: Responder) -> None:
        self._parts = parts
        self._web_app = web_app
        self._responder = responder
        self._opener = SessionOpener(parts, web_app, responder)

    async def respond(self, request: Request) -> Response:
        """Show the button, or redeem the link that its form brings."""
        try:
            if request.method == "POST":
                response = await self._redeem(request)
            else:
                response = await self._show(request)
        except ClientDisconnect:
            return Response(None, 400)
        except Exception as error:  # noqa: BLE001 - every one is answered by a page
            response = self._responder.refused(request, None, refusal(error))
        # The address has the link's token: nothing that the page loads may send it along.
        # `no-referrer` would make the origin of the form `null`.
        response.headers["referrer-policy"] = "strict-origin"
        response.headers["x-robots-tag"] = "noindex"
        return response

    async def _show(self, request: Request) -> Response:
        token = request.query_params.get("token", "")
        grant = await run_in_threadpool(self._parts.sessions.find_link, self._web_app, token)
        if grant is None:
            return self._used(request)
        values = {
            "token": token,
            "person": grant.name,
            "theme": {"name": grant.theme.get("name")},
            "at_once": self._is_opened_by_a_page(request),
        }
        return self._responder.respond(request, None, Shown("link.html", values))

    async def _redeem(self, request: Request) -> Response:
        form = await read_form(request)
        check_origin(request.headers, self._parts.settings.console_url)
        self._opener.check_pace(request)
        token = next(iter(form.get("token", ())), "")
        opened = await self._opener.redeem(request, token, BASES[self._web_app])
        return self._used(request) if opened is None else opened

    def _used(self, request: Request) -> Response:
        return self._responder.respond(request, None, Shown("link_used.html", {}, 410))

    def _is_opened_by_a_page(self, request: Request) -> bool:
        """Return whether a script may press the button.

        In a frame it may: only pages of named origins have one. A link into the console is printed
        on a terminal by `plaudit dev`, and is not sent by mail.
        """
        return self._web_app is WebApp.CONSOLE or request.headers.get("sec-fetch-dest") == "iframe"
