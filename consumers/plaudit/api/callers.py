"""Who calls: the API key of a request, and what it may do in which workspace."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import Depends, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from plaudit.api.limits import RateLimits
from plaudit.api.parts import Parts
from plaudit.api.problems import Refused
from plaudit.store.api_keys import ApiKey, Scope
from plaudit.store.endpoints import StoredEndpoint
from plaudit.store.once import Once
from plaudit.store.service import NoSuchEndpoint

SCHEME: Final = "key"
ONCE: Final = "plaudit.once"
"""Under this name a request under an idempotency key has its `Once` in its scope."""
_BEARER: Final = HTTPBearer(
    scheme_name=SCHEME, bearerFormat="plk_…", description="An API key.", auto_error=False
)
_CHALLENGE: Final = {"www-authenticate": "Bearer"}


async def parts_of(request: Request) -> Parts:
    """Return what this process is made of."""
    parts: Parts = request.app.state.parts
    return parts


async def once_of(request: Request) -> Once | None:
    """Return what makes a request have its effect once; None: it came without a key."""
    once: Once | None = request.scope.get(ONCE)
    return once


@dataclass(frozen=True, slots=True)
class Caller:
    """Whoever holds the key of a request."""

    key: ApiKey

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
        if self.key.scope is Scope.READ:
            raise Refused(403, "this key only reads")

    def owns(self, endpoint: StoredEndpoint) -> StoredEndpoint:
        """Return an endpoint, if the key may know of it.

        Raises:
            NoSuchEndpoint: it belongs to another workspace: not even that it exists is told.
        """
        if self.key.workspace_id not in {None, endpoint.workspace_id}:
            raise NoSuchEndpoint(endpoint.endpoint_id)
        return endpoint


async def holder(parts: Parts, credentials: str | None) -> Caller:
    """Return whose key it is; a thread is asked only for keys that are new here.

    Raises:
        Refused: there is no key, or it is none.
    """
    if credentials is None:
        detail = "no API key; send it as `Authorization: Bearer plk_…`"
        raise Refused(401, detail, headers=_CHALLENGE)
    key = parts.keys.remembered(credentials)
    if key is None:
        key = await run_in_threadpool(parts.keys.find, credentials)
    if key is None:
        raise Refused(401, "not an API key of this installation, or revoked", headers=_CHALLENGE)
    return Caller(key)


async def holder_of(parts: Parts, authorization: str | None) -> Caller:
    """Return whose key is in an `authorization` header.

    Raises:
        Refused: there is no key, or it is none.
    """
    scheme, _, credentials = (authorization or "").partition(" ")
    return await holder(parts, credentials.strip() if scheme.lower() == "bearer" else None)


async def caller(
    parts: Annotated[Parts, Depends(parts_of)],
    given: Annotated[HTTPAuthorizationCredentials | None, Depends(_BEARER)],
) -> Caller:
    """Return who calls.

    Raises:
        Refused: there is no key, or it is none, or it calls too often.
    """
    who = await holder(parts, None if given is None else given.credentials)
    check_rate(parts.limits, who)
    return who


async def writer(who: Annotated[Caller, Depends(caller)]) -> Caller:
    """Return who calls, if it may change anything: told before anything else of the request.

    Raises:
        Refused: the key only reads.
    """
    who.check_writes()
    return who


async def publisher(parts: Parts, authorization: str | None) -> Caller:
    """Return who publishes; how often is limited apart from everything else.

    Args:
        parts: of the process.
        authorization: the header.

    Raises:
        Refused: there is no key, or it is none, or it only reads, or it calls too often.
    """
    who = await holder_of(parts, authorization)
    check_rate(parts.events_limits, who)
    who.check_writes()
    return who


def check_rate(limits: RateLimits, who: Caller) -> None:
    """Count a call.

    Raises:
        Refused: it calls too often.
    """
    wait_s = limits.wait_s(who.key.key_id)
    if wait_s:
        headers = {"retry-after": str(wait_s)}
        raise Refused(429, "too many requests with this key", headers=headers)


Reading = Annotated[Caller, Depends(caller)]
Writing = Annotated[Caller, Depends(writer)]
WithParts = Annotated[Parts, Depends(parts_of)]
WithOnce = Annotated[Once | None, Depends(once_of)]
