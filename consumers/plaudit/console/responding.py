"""HTTP responses of pages, files and errors."""

from __future__ import annotations

import gzip
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final, assert_never

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from plaudit.api.problems import Refused
from plaudit.console.asking import Answer, Redirected, Shown, Streamed
from plaudit.console.assets import assets
from plaudit.console.auth.accent import accent_css
from plaudit.console.auth.csrf import masked
from plaudit.console.headers import security_headers
from plaudit.console.rendering import render
from plaudit.console.settings import ConsoleSettings
from plaudit.console.viewer import BASES, Viewer
from plaudit.console.views.notices import notice
from plaudit.store.access.sessions import WebApp

_HTML: Final = "text/html; charset=utf-8"
_PACKED_FROM: Final = 1_024
_FOREVER: Final = "public, max-age=31536000, immutable"


class Responder:
    """Converts answers of pages into HTTP responses.

    Args:
        web_app: application.
        settings: settings for the response headers.
        public: base of pages that need no session; None: the application's own.
    """

    def __init__(
        self, web_app: WebApp, settings: ConsoleSettings, public: str | None = None
    ) -> None:
        self._web_app = web_app
        self._settings = settings
        self._is_public = public is not None
        self._base = public or BASES[web_app]

    def respond(self, request: Request, viewer: Viewer | None, answer: Answer) -> Response:
        """Return the response for an answer."""
        match answer:
            case Shown():
                return self._page(request, viewer, answer)
            case Redirected():
                return Response(None, 303, {"location": answer.url, **self._headers(viewer)})
            case Streamed():
                headers = {
                    **self._headers(viewer),
                    "cache-control": "no-store",
                    "x-accel-buffering": "no",
                }
                if answer.name is not None:
                    headers["content-disposition"] = f'attachment; filename="{answer.name}"'
                return StreamingResponse(answer.pieces, 200, headers, answer.media_type)
            case _:
                assert_never(answer)

    def refused(self, request: Request, viewer: Viewer | None, refused: Refused) -> Response:
        """Return the page of an error."""
        values = {
            "status": refused.status,
            "title": HTTPStatus(refused.status).phrase,
            "detail": refused.detail,
        }
        response = self._page(request, viewer, Shown("error.html", values, refused.status))
        response.headers.update(refused.headers or {})
        return response

    def asset(self, request: Request) -> Response:
        """Return a static file."""
        found = assets().get(request.path_params["name"])
        if found is None or found.digest != request.path_params["digest"]:
            return Response("not found", 404, self._headers(None))
        headers = {**self._headers(None), "cache-control": _FOREVER, "vary": "accept-encoding"}
        if not _takes_gzip(request.headers):
            return Response(found.content, 200, headers, found.media_type)
        headers["content-encoding"] = "gzip"
        return Response(found.packed, 200, headers, found.media_type)

    def accent(self, viewer: Viewer | None) -> Response:
        """Return the stylesheet with the embedding application's color."""
        color = None if viewer is None else viewer.session.grant.theme.get("accent")
        headers = {**self._headers(viewer), "cache-control": "private, max-age=300"}
        return Response(accent_css(color), 200, headers, "text/css; charset=utf-8")

    def _page(self, request: Request, viewer: Viewer | None, shown: Shown) -> Response:
        html = render(shown.template, {**self._values(request, viewer), **shown.values}).encode()
        headers = {
            **self._headers(viewer),
            "cache-control": "no-store",
            "vary": "accept-encoding, cookie, hx-request",
        }
        if len(html) >= _PACKED_FROM and _takes_gzip(request.headers):
            html = gzip.compress(html, 5, mtime=0)
            headers["content-encoding"] = "gzip"
        return Response(html, shown.status, headers, _HTML)

    def _values(self, request: Request, viewer: Viewer | None) -> Mapping[str, Any]:
        """Return the values that all templates share."""
        return {
            "base": self._base,
            "path": request.url.path.removeprefix(self._base) or "/",
            "viewer": viewer,
            "is_public": self._is_public,
            "csrf": "" if viewer is None else masked(viewer.csrf),
            "theme": {} if viewer is None else viewer.session.grant.theme,
            "is_part": "hx-request" in request.headers and "hx-boosted" not in request.headers,
            "notice": notice(request.query_params.get("done", "")),
        }

    def _headers(self, viewer: Viewer | None) -> dict[str, str]:
        logo = None if viewer is None else viewer.session.grant.theme.get("logo")
        return security_headers(self._web_app, self._settings, logo)


def _takes_gzip(headers: Headers) -> bool:
    return "gzip" in headers.get("accept-encoding", "")
