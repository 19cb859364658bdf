"""Opening of sessions for authenticated people."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

from fastapi.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from plaudit.api.problems import Refused
from plaudit.console.asking import Redirected
from plaudit.console.auth.cookies import cookie_name, session_cookie
from plaudit.console.responding import Responder
from plaudit.console.services import ConsoleServices
from plaudit.store.access.sessions import Session, SessionGrant, WebApp

HOUR_MS: Final = 3_600_000


class SessionOpener:
    """Opens sessions of one application.

    Args:
        services: services.
        web_app: application.
        responder: builds responses.
    """

    def __init__(self, services: ConsoleServices, web_app: WebApp, responder: Responder) -> None:
        self._services = services
        self._web_app = web_app
        self._responder = responder

    def check_pace(self, request: Request) -> None:
        """Count a sign-in attempt.

        Raises:
            Refused: the client's address has made too many attempts.
        """
        wait_s = self._services.sign_ins.wait_s(address_of(request))
        if wait_s:
            detail = f"too many attempts to sign in; try again in {wait_s} s"
            raise Refused(429, detail, headers={"retry-after": str(wait_s)})

    async def open(self, request: Request, grant: SessionGrant, back: str) -> Response:
        """Open a session with a new token, end the browser's old session, and redirect to a page.

        Raises:
            DatabaseFailure: the session was not stored.
        """
        lifetime_ms = int(self._services.settings.console_session_hours * HOUR_MS)

        def replaced() -> tuple[Session, str]:
            self._end_old(request)
            return self._services.sessions.open(
                grant, lifetime_ms, address=address_of(request), agent=agent_of(request)
            )

        return self._opened(request, *await run_in_threadpool(replaced), back)

    async def redeem(self, request: Request, token: str, back: str) -> Response | None:
        """Exchange a link for a session, and redirect; None if the link is used or expired.

        Raises:
            DatabaseFailure: the link may still be used.
        """

        def redeemed() -> tuple[Session, str] | None:
            found = self._services.sessions.redeem(
                self._web_app, token, address=address_of(request), agent=agent_of(request)
            )
            if found is not None:
                self._end_old(request)
            return found

        opened = await run_in_threadpool(redeemed)
        return None if opened is None else self._opened(request, *opened, back)

    def _end_old(self, request: Request) -> None:
        """End the browser's old session, because another person may know its token."""
        before = request.cookies.get(cookie_name(self._web_app, self._services.settings))
        old = self._services.sessions.find(self._web_app, before) if before else None
        if old is not None:
            self._services.sessions.revoke(old.session_id)

    def _opened(self, request: Request, session: Session, token: str, back: str) -> Response:
        lifetime_s = (session.expires_at - session.created_at) // 1_000
        response = self._responder.respond(request, None, Redirected(back))
        cookie = session_cookie(self._web_app, self._services.settings, token, lifetime_s)
        response.headers.append("set-cookie", cookie)
        return response


def local(base: str, text: str | None) -> str:
    """Return an address if it belongs to this application, otherwise the first page."""
    if not text or "\\" in text or any(ord(each) <= ord(" ") for each in text):
        return base
    split = urlsplit(text)
    if split.scheme or split.netloc or text.startswith("//"):
        return base
    return text if text == base or text.startswith((f"{base}/", f"{base}?")) else base


def address_of(request: Request) -> str:
    """Return the client's address."""
    return "" if request.client is None else request.client.host[:60]


def agent_of(request: Request) -> str:
    """Return the browser's `User-Agent` header."""
    return request.headers.get("user-agent", "")
