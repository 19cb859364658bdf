"""`/.well-known/webhook-keys/{endpoint}`: public keys of an endpoint, for its receiver.

A receiver has no API key. An endpoint's id is random, and its public keys are not secret.
"""

from __future__ import annotations

import threading
from typing import Final
from uuid import UUID

from fastapi import APIRouter, Response

from plaudit.api.auth import WithParts
from plaudit.api.problems import Refused, documented
from plaudit.api.schemas.key_set import PublicKey, PublicKeys

PREFIX: Final = "/.well-known/webhook-keys"
MAX_AGE_S: Final = 300
"""Former keys sign along for longer, so a receiver may keep the answer for so long."""
_AT_ONCE: Final = threading.BoundedSemaphore(8)
"""Requests without an API key leave most of the 40 threads to requests with one."""

router = APIRouter(prefix=PREFIX, tags=["endpoints"])


@router.get("/{endpoint_id}", responses=documented(404, 429), openapi_extra={"security": []})
def show_public_keys(parts: WithParts, endpoint_id: UUID, response: Response) -> PublicKeys:
    """Show the keys that verify `v1a` signatures, as a JSON Web Key Set; needs no API key."""
    if not _AT_ONCE.acquire(blocking=False):
        raise Refused(429, "too many requests for public keys at once; try again")
    try:
        service = parts.endpoints
        found = service.public_keys(service.get(str(endpoint_id)))
    finally:
        _AT_ONCE.release()
    if not found:
        raise Refused(404, f"endpoint {endpoint_id} has no public key; is its signing v1a or both?")
    response.headers["cache-control"] = f"public, max-age={MAX_AGE_S}"
    return PublicKeys(keys=[PublicKey.of(each) for each in found])
