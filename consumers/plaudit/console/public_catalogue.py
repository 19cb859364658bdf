"""Public event catalogue at `/catalogue`, if a setting enables it."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from plaudit.api.problems import Refused, refusal
from plaudit.console.asking import Shown
from plaudit.console.pages.catalogue import described
from plaudit.console.responding import Responder
from plaudit.console.settings import ConsoleSettings
from plaudit.console.views.event_types import grouped
from plaudit.store.access.sessions import WebApp

PUBLIC: Final = "/catalogue"
_KEPT_PAGES: Final = 256
_FOR_A_WHILE: Final = "public, max-age=300"


class PublicCatalogue:
    """Pages of the catalogue, which need no session and show no data of workspaces.

    Args:
        settings: settings for the response headers.
    """

    def __init__(self, settings: ConsoleSettings) -> None:
        self.responder = Responder(WebApp.CONSOLE, settings, PUBLIC)

    async def show(self, request: Request) -> Response:
        """Show all event types."""
        return self._shown(request, Shown("catalogue.html", {"groups": grouped(), "url": PUBLIC}))

    async def show_type(self, request: Request) -> Response:
        """Show one event type."""
        name, form = request.path_params["name"], request.query_params.get("format", "standard")
        try:
            values = _described(name, form)
        except Refused as error:
            return self.responder.refused(request, None, refusal(error))
        return self._shown(request, Shown("event_type.html", values))

    async def miss(self, request: Request) -> Response:
        """Return the error that a page does not exist."""
        return self.responder.refused(request, None, Refused(404, "this page does not exist"))

    async def asset(self, request: Request) -> Response:
        """Return a static file."""
        return self.responder.asset(request)

    def _shown(self, request: Request, shown: Shown) -> Response:
        response = self.responder.respond(request, None, shown)
        response.headers["cache-control"] = _FOR_A_WHILE
        return response


@lru_cache(_KEPT_PAGES)
def _described(name: str, form: str) -> dict[str, Any]:
    return {**described(name, form, None), "url": PUBLIC, "endpoints": []}
