"""Sign-in with an OpenID provider: authorization code with PKCE, state and nonce."""

from __future__ import annotations

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from plaudit.api.problems import refusal
from plaudit.console.asking import Redirected, Shown
from plaudit.console.oidc.access import granted, person_of
from plaudit.console.oidc.failures import EXPLANATIONS, FailureReason, SignInFailure
from plaudit.console.oidc.pending import PendingSignIn, PendingSignIns
from plaudit.console.oidc.provider import Provider
from plaudit.console.responding import Responder
from plaudit.console.services import ConsoleServices
from plaudit.console.sign_in.opening import SessionOpener, address_of, local
from plaudit.console.viewer import BASES
from plaudit.logs.logger import event_logger
from plaudit.store.access.sessions import SessionGrant, WebApp
from plaudit.store.access.used_states import UsedStates

_log = event_logger(__name__)


class OidcSignIn:
    """Redirection to the provider, and handling of its response.

    Args:
        services: services.
        responder: builds responses of the console.
        provider: the provider.
    """

    def __init__(self, services: ConsoleServices, responder: Responder, provider: Provider) -> None:
        self._responder = responder
        self._provider = provider
        self._opener = SessionOpener(services, WebApp.CONSOLE, responder)
        self._pending = PendingSignIns(services.api.secrets, services.settings)
        self._states = UsedStates(services.api.engine)

    async def begin(self, request: Request) -> Response:
        """Redirect the browser to the provider."""
        try:
            self._opener.check_pace(request)
            back = local(BASES[WebApp.CONSOLE], request.query_params.get("next"))
            pending = PendingSignIn.begin(self._provider.client.issuer, back)
            to = await self._provider.address(pending)
        except Exception as error:  # noqa: BLE001 - every error becomes a page
            return self._failed(request, error)
        response = self._responder.respond(request, None, Redirected(to))
        response.headers["cache-control"] = "no-store"
        response.headers.append("set-cookie", self._pending.header(pending))
        return response

    async def finish(self, request: Request) -> Response:
        """Exchange the provider's response for a session."""
        try:
            self._opener.check_pace(request)
            response = await self._opened(request)
        except Exception as error:  # noqa: BLE001 - every error becomes a page
            response = self._failed(request, error)
        # Whatever the result, the state must not be used again.
        response.headers.append("set-cookie", self._pending.header(None))
        response.headers["cache-control"] = "no-store"
        # The address contains the code and the state.
        response.headers["referrer-policy"] = "no-referrer"
        return response

    async def _opened(self, request: Request) -> Response:
        answer = request.query_params
        cookie = request.cookies.get(self._pending.cookie)
        pending = self._pending.take(cookie, answer.get("state", ""))
        if not await run_in_threadpool(self._states.use, pending.state, pending.ends_ms):
            raise SignInFailure(FailureReason.REPLAYED)
        if "error" in answer or not answer.get("code"):
            detail = f"{answer.get('error', 'no code')} {answer.get('error_description', '')}"
            raise SignInFailure(FailureReason.DENIED, detail[:500])
        claims = await self._provider.claims(pending, answer["code"], answer.get("iss"))
        client = self._provider.client
        rule = granted(client.rules, client.claim, claims)
        person = person_of(claims)
        grant = SessionGrant(WebApp.CONSOLE, person, rule.scope, rule.workspace_id)
        response = await self._opener.open(request, grant, pending.back)
        told = {"person": person, "subject": str(claims["sub"]), "scope": str(rule.scope)}
        _log.info("sign_in.opened", extra={**told, "address": address_of(request)})
        return response

    def _failed(self, request: Request, error: Exception) -> Response:
        if not isinstance(error, SignInFailure):
            return self._responder.refused(request, None, refusal(error))
        told = {"reason": str(error.reason), "detail": error.detail}
        _log.warning("sign_in.failed", extra={**told, "address": address_of(request)})
        explained = EXPLANATIONS[error.reason]
        values = {"explained": explained, "reason": str(error.reason)}
        return self._responder.respond(
            request, None, Shown("sign_in_failed.html", values, explained.status)
        )
