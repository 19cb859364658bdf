"""Signing in with an API key."""

from __future__ import annotations

from typing import Final

from fastapi.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from plaudit.api.problems import Refused, refusal
from plaudit.console.asking import Shown
from plaudit.console.auth.csrf import check_origin
from plaudit.console.dispatch import read_form
from plaudit.console.oidc.client_settings import OidcClient
from plaudit.console.responding import Responder
from plaudit.console.services import ConsoleServices
from plaudit.console.sign_in.opening import SessionOpener, local
from plaudit.console.viewer import BASES
from plaudit.store.access.sessions import SessionGrant, WebApp

UNKNOWN_KEY: Final = "This API key is unknown or revoked."


class KeySignIn:
    """Form for an API key, and check of the key.

    Args:
        services: services.
        web_app: application.
        responder: builds responses.
        oidc: sign-in with OpenID Connect, which the form offers; None: keys only.
    """

    def __init__(
        self,
        services: ConsoleServices,
        web_app: WebApp,
        responder: Responder,
        oidc: OidcClient | None = None,
    ) -> None:
        self._services = services
        self._web_app = web_app
        self._responder = responder
        self._opener = SessionOpener(services, web_app, responder)
        self._provider = None if oidc is None else oidc.label

    async def respond(self, request: Request) -> Response:
        """Show the form, or check the submitted key."""
        back = local(BASES[self._web_app], request.query_params.get("next"))
        try:
            if request.method == "POST":
                return await self._check(request, back)
        except ClientDisconnect:
            return Response(None, 400)
        except Exception as error:  # noqa: BLE001 - the form shows every error
            return self._form(request, back, refusal(error))
        return self._form(request, back, None)

    async def _check(self, request: Request, back: str) -> Response:
        form = await read_form(request)
        check_origin(request.headers, self._services.settings.console_url)
        self._opener.check_pace(request)
        text = next(iter(form.get("key", ())), "").strip()
        key = await run_in_threadpool(self._services.api.keys.find, text) if text else None
        if key is None:
            raise Refused(401, UNKNOWN_KEY, field="key")
        grant = SessionGrant(self._web_app, key.name, key.scope, key.workspace_id, key.key_id)
        return await self._opener.open(request, grant, back)

    def _form(self, request: Request, back: str, refused: Refused | None) -> Response:
        values = {
            "problem": None if refused is None else refused.detail,
            "next": back,
            "provider": self._provider,
        }
        status = 200 if refused is None else refused.status
        response = self._responder.respond(request, None, Shown("sign_in.html", values, status))
        if refused is not None:
            response.headers.update(refused.headers or {})
        return response
