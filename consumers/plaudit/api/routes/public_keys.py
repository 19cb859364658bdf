"""`/.well-known/webhook-keys/{endpoint}`: public keys of an endpoint, for its receiver.

A receiver does not have an API key. Endpoint ids are random, and public keys are not secret.
"""

from __future__ import annotations

import threading
from typing import Final
from uuid import UUID

from fastapi import APIRouter, Response

from plaudit.api.auth import WithServices
from plaudit.api.problems import Refused, documented
from plaudit.api.schemas.key_set import PublicKey, PublicKeys

PREFIX: Final = "/.well-known/webhook-keys"
MAX_AGE_S: Final = 300
"""Time for which a receiver may cache the keys; former keys continue to sign for longer."""
_AT_ONCE: Final = threading.BoundedSemaphore(8)
"""Most of the 40 threads stay free for requests with an API key."""

router = APIRouter(prefix=PREFIX, tags=["endpoints"])


@router.get("/{endpoint_id}", responses=documented(404, 429), openapi_extra={"security": []})
def show_public_keys(services: WithServices, endpoint_id: UUID, response: Response) -> PublicKeys:
    """Show the keys that verify `v1a` signatures, as a JSON Web Key Set; needs no API key."""
    if not _AT_ONCE.acquire(blocking=False):
        raise Refused(429, "too many requests for public keys at once; try again")
    try:
        service = services.endpoints
        found = service.public_keys(service.get(str(endpoint_id)))
    finally:
        _AT_ONCE.release()
    if not found:
        raise Refused(404, f"endpoint {endpoint_id} has no public key; is its signing v1a or both?")
    response.headers["cache-control"] = f"public, max-age={MAX_AGE_S}"
    return PublicKeys(keys=[PublicKey.of(each) for each in found])
