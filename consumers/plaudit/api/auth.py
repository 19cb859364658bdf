"""Authentication and authorization: the API key of a request, and its permissions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import Depends, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from plaudit.api.dependencies import ApiServices
from plaudit.api.problems import Refused
from plaudit.api.rate_limits import RateLimits
from plaudit.store.access.api_keys import ApiKey, Scope
from plaudit.store.endpoints.changes import NoSuchEndpoint
from plaudit.store.endpoints.idempotency_seed import IdempotencySeed
from plaudit.store.endpoints.rows import StoredEndpoint

SCHEME: Final = "key"
CALLER: Final = "plaudit.caller"
"""Scope key of the `Caller` of an authenticated request."""
IDEMPOTENCY_SEED: Final = "plaudit.once"
"""Scope key of the `IdempotencySeed` of a request with an idempotency key."""
_BEARER: Final = HTTPBearer(
    scheme_name=SCHEME, bearerFormat="plk_…", description="An API key.", auto_error=False
)
_CHALLENGE: Final = {"www-authenticate": "Bearer"}


async def services_of(request: Request) -> ApiServices:
    """Return the services of this process."""
    services: ApiServices = request.app.state.services
    return services


async def idempotency_of(request: Request) -> IdempotencySeed | None:
    """Return the seed of an idempotent request; None if it has no idempotency key."""
    idempotency: IdempotencySeed | None = request.scope.get(IDEMPOTENCY_SEED)
    return idempotency


@dataclass(frozen=True, slots=True)
class Caller:
    """The owner of a request's API key."""

    key: ApiKey

    @property
    def bucket(self) -> str:
        """Rate-limit key of its requests; more keys do not raise a workspace's limit."""
        return self.key.workspace_id or self.key.key_id

    @property
    def only_reads(self) -> bool:
        """Whether the key is read-only: it changes nothing, and sees no secrets."""
        return self.key.scope is Scope.READ

    def reads(self, workspace_id: str | None) -> str | None:
        """Return the workspace to read from; None means all.

        Raises:
            Refused: the key belongs to another workspace.
        """
        if workspace_id is not None:
            self.require_workspace(workspace_id, "workspace_id")
        return self.key.workspace_id or workspace_id

    def writes(self, workspace_id: str | None) -> str:
        """Return the workspace in which to create something.

        Raises:
            Refused: the key is read-only, belongs to another workspace, or no workspace is set.
        """
        self.check_writes()
        wanted = self.reads(workspace_id)
        if wanted is None:
            raise Refused(422, "an admin's key has to name a workspace", field="workspace_id")
        return wanted

    def require_workspace(self, workspace_id: str, field: str) -> None:
        """Check that an object belongs to the key's workspace.

        Raises:
            Refused: the object belongs to another workspace.
        """
        if self.key.workspace_id not in {None, workspace_id}:
            raise Refused(403, "this key belongs to another workspace", field=field)

    def check_writes(self) -> None:
        """Check that the key may change anything.

        Raises:
            Refused: the key is read-only.
        """
        if self.only_reads:
            raise Refused(403, "this key is read-only")

    def owns(self, endpoint: StoredEndpoint) -> StoredEndpoint:
        """Return an endpoint that the key may see.

        Raises:
            NoSuchEndpoint: the endpoint is unknown or belongs to another workspace, with the same
                message.
        """
        if self.key.workspace_id not in {None, endpoint.workspace_id}:
            raise NoSuchEndpoint(endpoint.endpoint_id)
        return endpoint


async def admitted(services: ApiServices, authorization: str | None, *, events: bool) -> Caller:
    """Return the caller that the `authorization` header identifies.

    It looks up keys in a thread, unless they are in this process's cache.

    Args:
        services: services of the process.
        authorization: value of the header.
        events: whether the request publishes events, which has its own rate limit.

    Raises:
        Refused: the key is missing, invalid or read-only, or exceeds its rate limit.
    """
    scheme, _, credentials = (authorization or "").partition(" ")
    text = credentials.strip()
    if scheme.lower() != "bearer" or not text:
        detail = "no API key; send it as `Authorization: Bearer plk_…`"
        raise Refused(401, detail, headers=_CHALLENGE)
    key = services.keys.cached(text)
    if key is None:
        key = await run_in_threadpool(services.keys.find, text)
    if key is None:
        raise Refused(401, "the API key is unknown or revoked", headers=_CHALLENGE)
    who = Caller(key)
    await check_rate(services.limits if not events else services.events_limits, who)
    if events:
        who.check_writes()
    return who


async def caller(
    request: Request, given: Annotated[HTTPAuthorizationCredentials | None, Depends(_BEARER)]
) -> Caller:
    """Return the caller. The header parameter only serves OpenAPI; `admitted` has read it."""
    del given
    who: Caller = request.scope[CALLER]
    return who


async def writer(who: Annotated[Caller, Depends(caller)]) -> Caller:
    """Return the caller if it may change anything; runs before the request is validated.

    Raises:
        Refused: the key is read-only.
    """
    who.check_writes()
    return who


async def check_rate(limits: RateLimits, who: Caller, cost: int = 1) -> None:
    """Count a request; delay a refusal if there were many.

    Raises:
        Refused: the workspace exceeds its rate limit.
    """
    wait_s = limits.wait_s(who.bucket, cost)
    if wait_s:
        await limits.pause(who.bucket)
        raise limits.refused(wait_s)


def check_quota(limits: RateLimits, who: Caller, cost: int = 1) -> None:
    """Count an operation of a workspace; an admin key serves many workspaces and has no limit.

    Raises:
        Refused: the workspace exceeds its limit.
    """
    if who.key.workspace_id is not None:
        check_workspace(limits, who.key.workspace_id, cost)


def check_workspace(limits: RateLimits, workspace_id: str, cost: int = 1) -> None:
    """Count an operation of a workspace, whatever the key.

    Raises:
        Refused: the workspace exceeds its limit.
    """
    wait_s = limits.wait_s(workspace_id, cost)
    if wait_s:
        raise limits.refused(wait_s)


Reading = Annotated[Caller, Depends(caller)]
Writing = Annotated[Caller, Depends(writer)]
WithServices = Annotated[ApiServices, Depends(services_of)]
WithIdempotency = Annotated[IdempotencySeed | None, Depends(idempotency_of)]
