"""Signing in and out: by API key, and by a link that is used once."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

from fastapi.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from plaudit.api.problems import Refused, refusal
from plaudit.console.asking import Answer, Redirected, Shown
from plaudit.console.auth.cookies import cookie_name, session_cookie
from plaudit.console.auth.csrf import FIELD, check_origin, check_token
from plaudit.console.dispatch import PageDispatcher, read_form
from plaudit.console.parts import ConsoleParts
from plaudit.console.viewer import BASES
from plaudit.store.access.sessions import Face, Session, SessionGrant

HOUR_MS: Final = 3_600_000
UNKNOWN_KEY: Final = "This is not an API key of this installation, or it was revoked."
_TEMPLATE: Final = "sign_in.html"


class SignIn:
    """Routes that need no session.

    Args:
        parts: services.
        face: application.
        dispatcher: finds sessions and makes responses.
    """

    def __init__(self, parts: ConsoleParts, face: Face, dispatcher: PageDispatcher) -> None:
        self._parts = parts
        self._face = face
        self._dispatcher = dispatcher
        self._responder = dispatcher.responder
        self._base = BASES[face]

    async def form(self, request: Request) -> Response:
        """Show the form, or check the key that it brings."""
        back = local(self._base, request.query_params.get("next"))
        try:
            if request.method == "POST":
                return await self._with_key(request, back)
        except ClientDisconnect:
            return Response(None, 400)
        except Exception as error:  # noqa: BLE001 - every one is answered by the form
            return self._form(request, back, refusal(error))
        return self._form(request, back, None)

    async def enter(self, request: Request) -> Response:
        """Exchange a link for a session."""
        try:
            self._check_pace(request)
            opened = None
            if request.method == "GET":
                opened = await run_in_threadpool(
                    self._parts.sessions.redeem,
                    self._face,
                    request.query_params.get("token", ""),
                    address=address_of(request),
                    agent=request.headers.get("user-agent", ""),
                )
        except Exception as error:  # noqa: BLE001 - every one is answered by a page
            return self._responder.refused(request, None, refusal(error))
        if opened is None:
            return self._responder.respond(request, None, Shown("link_used.html", {}, 410))
        return self.opened(request, *opened, self._base)

    async def out(self, request: Request) -> Response:
        """End the session."""
        viewer = None
        try:
            viewer = await self._dispatcher.viewer(request)
            if viewer is not None:
                form = await read_form(request)
                check_origin(request.headers, self._parts.settings.console_url)
                check_token(viewer.csrf, next(iter(form.get(FIELD, ())), None))
                await run_in_threadpool(self._parts.sessions.revoke, viewer.session.session_id)
        except ClientDisconnect:
            return Response(None, 400)
        except Exception as error:  # noqa: BLE001 - every one is answered by a page
            return self._responder.refused(request, viewer, refusal(error))
        back = None if viewer is None else viewer.session.grant.return_url
        answer: Answer = Redirected(f"{self._base}/sign-in")
        if self._face is Face.PORTAL:
            answer = Shown("portal_ended.html", {"return_url": back})
        response = self._responder.respond(request, None, answer)
        cookie = session_cookie(self._face, self._parts.settings, "", 0)
        response.headers.append("set-cookie", cookie)
        return response

    def opened(self, request: Request, session: Session, token: str, back: str) -> Response:
        """Return the response that sets the cookie of a new session."""
        lifetime_s = (session.expires_at - session.created_at) // 1_000
        response = self._responder.respond(request, None, Redirected(back))
        cookie = session_cookie(self._face, self._parts.settings, token, lifetime_s)
        response.headers.append("set-cookie", cookie)
        return response

    async def open(self, request: Request, grant: SessionGrant, back: str) -> Response:
        """Open a session with a new id, end the browser's old one, and return the response.

        Raises:
            DatabaseFailure: nothing was opened.
        """
        before = request.cookies.get(cookie_name(self._face, self._parts.settings))
        lifetime_ms = int(self._parts.settings.console_session_hours * HOUR_MS)

        def replaced() -> tuple[Session, str]:
            old = self._parts.sessions.find(self._face, before) if before else None
            if old is not None:
                self._parts.sessions.revoke(old.session_id)
            agent = request.headers.get("user-agent", "")
            return self._parts.sessions.open(
                grant, lifetime_ms, address=address_of(request), agent=agent
            )

        return self.opened(request, *await run_in_threadpool(replaced), back)

    async def _with_key(self, request: Request, back: str) -> Response:
        form = await read_form(request)
        check_origin(request.headers, self._parts.settings.console_url)
        self._check_pace(request)
        text = next(iter(form.get("key", ())), "").strip()
        key = await run_in_threadpool(self._parts.api.keys.find, text) if text else None
        if key is None:
            raise Refused(401, UNKNOWN_KEY, field="key")
        grant = SessionGrant(self._face, key.name, key.scope, key.workspace_id, key.key_id)
        return await self.open(request, grant, back)

    def _check_pace(self, request: Request) -> None:
        wait_s = self._parts.sign_ins.wait_s(address_of(request))
        if wait_s:
            detail = f"too many attempts to sign in; try again in {wait_s} s"
            raise Refused(429, detail, headers={"retry-after": str(wait_s)})

    def _form(self, request: Request, back: str, refused: Refused | None) -> Response:
        values = {
            "problem": None if refused is None else refused.detail,
            "next": back,
        }
        status = 200 if refused is None else refused.status
        response = self._responder.respond(request, None, Shown(_TEMPLATE, values, status))
        if refused is not None:
            response.headers.update(refused.headers or {})
        return response


def local(base: str, text: str | None) -> str:
    """Return an address of this face; its first page in place of any other address."""
    if not text or "\\" in text or any(ord(each) <= ord(" ") for each in text):
        return base
    parts = urlsplit(text)
    if parts.scheme or parts.netloc or text.startswith("//"):
        return base
    return text if text == base or text.startswith((f"{base}/", f"{base}?")) else base


def address_of(request: Request) -> str:
    """Return the client's address."""
    return "" if request.client is None else request.client.host[:60]
