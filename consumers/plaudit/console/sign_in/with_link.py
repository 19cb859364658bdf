"""Sign-in with a single-use link.

Mail scanners and link previews open every address. So a link opens a page with a button, and only
the button uses the link.
"""

from __future__ import annotations

from fastapi.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from plaudit.api.problems import refusal
from plaudit.console.asking import Shown
from plaudit.console.auth.csrf import check_origin
from plaudit.console.dispatch import read_form
from plaudit.console.responding import Responder
from plaudit.console.services import ConsoleServices
from plaudit.console.sign_in.opening import SessionOpener
from plaudit.console.viewer import BASES
from plaudit.store.access.sessions import WebApp


class LinkSignIn:
    """Page of a link, and exchange of the link for a session.

    Args:
        services: services.
        web_app: application.
        responder: builds responses.
    """

    def __init__(self, services: ConsoleServices, web_app: WebApp, responder: Responder) -> None:
        self._services = services
        self._web_app = web_app
        self._responder = responder
        self._opener = SessionOpener(services, web_app, responder)

    async def respond(self, request: Request) -> Response:
        """Show the button, or redeem the submitted link."""
        try:
            if request.method == "POST":
                response = await self._redeem(request)
            else:
                response = await self._show(request)
        except ClientDisconnect:
            return Response(None, 400)
        except Exception as error:  # noqa: BLE001 - every error becomes a page
            response = self._responder.refused(request, None, refusal(error))
        # The address contains the link's token, which requests of the page must not reveal.
        # `no-referrer` would make the origin of the form `null`.
        response.headers["referrer-policy"] = "strict-origin"
        response.headers["x-robots-tag"] = "noindex"
        return response

    async def _show(self, request: Request) -> Response:
        token = request.query_params.get("token", "")
        grant = await run_in_threadpool(self._services.sessions.find_link, self._web_app, token)
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
        check_origin(request.headers, self._services.settings.console_url)
        self._opener.check_pace(request)
        token = next(iter(form.get("token", ())), "")
        opened = await self._opener.redeem(request, token, BASES[self._web_app])
        return self._used(request) if opened is None else opened

    def _used(self, request: Request) -> Response:
        return self._responder.respond(request, None, Shown("link_used.html", {}, 410))

    def _is_opened_by_a_page(self, request: Request) -> bool:
        """Return whether a script may press the button.

        In a frame it may, because only known origins can embed the portal. It also may in the
        console, whose links `plaudit dev` prints on a terminal, and never sends by mail.
        """
        return self._web_app is WebApp.CONSOLE or request.headers.get("sec-fetch-dest") == "iframe"
