"""Who calls: the API key of a request, and what it may do in which workspace."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import Depends, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from plaudit.api.dependencies import Parts
from plaudit.api.problems import Refused
from plaudit.api.rate_limits import RateLimits
from plaudit.store.access.api_keys import ApiKey, Scope
from plaudit.store.endpoints.idempotency_seed import IdempotencySeed
from plaudit.store.endpoints.rows import StoredEndpoint
from plaudit.store.endpoints.service import NoSuchEndpoint

SCHEME: Final = "key"
CALLER: Final = "plaudit.caller"
"""Under this name a request has its `Caller` in its scope, once it was let in."""
ONCE: Final = "plaudit.once"
"""Under this name a request under an idempotency key has its `IdempotencySeed` in its scope."""
_BEARER: Final = HTTPBearer(
    scheme_name=SCHEME, bearerFormat="plk_…", description="An API key.", auto_error=False
)
_CHALLENGE: Final = {"www-authenticate": "Bearer"}


async def parts_of(request: Request) -> Parts:
    """Return what this process is made of."""
    parts: Parts = request.app.state.parts
    return parts


async def once_of(request: Request) -> IdempotencySeed | None:
    """Return what makes a request have its effect once; None: it came without a key."""
    once: IdempotencySeed | None = request.scope.get(ONCE)
    return once


@dataclass(frozen=True, slots=True)
class Caller:
    """Whoever holds the key of a request."""

    key: ApiKey

    @property
    def bucket(self) -> str:
        """What its requests are counted under: a workspace gains nothing by more keys."""
        return self.key.workspace_id or self.key.key_id

    @property
    def only_reads(self) -> bool:
        """Whether it may change nothing, and sees nothing that is secret."""
        return self.key.scope is Scope.READ

    def reads(self, workspace_id: str | None) -> str | None:
        """Return the workspace whose things are to be read; None: those of all.

        Raises:
            Refused: it is another one than the key's.
        """
        if workspace_id is not None:
            self.minds(workspace_id, "workspace_id")
        return self.key.workspace_id or workspace_id

    def writes(self, workspace_id: str | None) -> str:
        """Return the workspace in which something is to be made.

        Raises:
            Refused: the key only reads, belongs to another workspace, or none is named.
        """
        self.check_writes()
        wanted = self.reads(workspace_id)
        if wanted is None:
            raise Refused(422, "an admin's key has to name a workspace", field="workspace_id")
        return wanted

    def minds(self, workspace_id: str, field: str) -> None:
        """Check that something is of the key's workspace.

        Raises:
            Refused: it is of another one.
        """
        if self.key.workspace_id not in {None, workspace_id}:
            raise Refused(403, "this key belongs to another workspace", field=field)

    def check_writes(self) -> None:
        """Check that the key may change anything.

        Raises:
            Refused: it only reads.
        """
        if self.only_reads:
            raise Refused(403, "this key only reads")

    def owns(self, endpoint: StoredEndpoint) -> StoredEndpoint:
        """Return an endpoint, if the key may know of it.

        Raises:
            NoSuchEndpoint: it belongs to another workspace: not even that it exists is told.
        """
        if self.key.workspace_id not in {None, endpoint.workspace_id}:
            raise NoSuchEndpoint(endpoint.endpoint_id)
        return endpoint


async def admitted(parts: Parts, authorization: str | None, *, events: bool) -> Caller:
    """Return who calls, from the `authorization` header.

    A thread is asked only for keys that are new here.

    Args:
        parts: of the process.
        authorization: the header.
        events: the request publishes, which is limited apart from everything else.

    Raises:
        Refused: there is no key, or it is not one, or it only reads, or it calls too often.
    """
    scheme, _, credentials = (authorization or "").partition(" ")
    text = credentials.strip()
    if scheme.lower() != "bearer" or not text:
        detail = "no API key; send it as `Authorization: Bearer plk_…`"
        raise Refused(401, detail, headers=_CHALLENGE)
    key = parts.keys.remembered(text)
    if key is None:
        key = await run_in_threadpool(parts.keys.find, text)
    if key is None:
        raise Refused(401, "not an API key of this installation, or revoked", headers=_CHALLENGE)
    who = Caller(key)
    check_rate(parts.limits if not events else parts.events_limits, who)
    if events:
        who.check_writes()
    return who


async def caller(
    request: Request, given: Annotated[HTTPAuthorizationCredentials | None, Depends(_BEARER)]
) -> Caller:
    """Return who calls; the header is named for the description, `admitted` has read it."""
    del given
    who: Caller = request.scope[CALLER]
    return who


async def writer(who: Annotated[Caller, Depends(caller)]) -> Caller:
    """Return who calls, if it may change anything: told before anything else of the request.

    Raises:
        Refused: the key only reads.
    """
    who.check_writes()
    return who


def check_rate(limits: RateLimits, who: Caller) -> None:
    """Count a request.

    Raises:
        Refused: the workspace sends too many.
    """
    wait_s = limits.wait_s(who.bucket)
    if wait_s:
        raise limits.refused(wait_s)


def check_quota(limits: RateLimits, who: Caller, cost: int = 1) -> None:
    """Count what a workspace has done; an admin's key works for many, and is not limited.

    Raises:
        Refused: the workspace wants too much.
    """
    if who.key.workspace_id is None:
        return
    wait_s = limits.wait_s(who.bucket, cost)
    if wait_s:
        raise limits.refused(wait_s)


Reading = Annotated[Caller, Depends(caller)]
Writing = Annotated[Caller, Depends(writer)]
WithParts = Annotated[Parts, Depends(parts_of)]
WithOnce = Annotated[IdempotencySeed | None, Depends(once_of)]
