"""Deterministic ids and secrets, so that a repeated idempotent request has the same effect.

A request with an idempotency key is carried out again if its process was killed, and how far it had
come is unknown. So all random values derive from a seed that is stored with the request: the second
run finds the ids of the first.
"""

from __future__ import annotations

import hmac
import os
import uuid
from dataclasses import dataclass
from typing import Final

SEED_BYTES: Final = 32


@dataclass(frozen=True, slots=True)
class IdempotencySeed:
    """Seed of a request that must have its effect once.

    Attributes:
        seed: secret bytes of this request.
        begun_ms: first start in epoch milliseconds.
        again: whether an earlier process began the request, and may have made changes.
    """

    seed: bytes
    begun_ms: int
    again: bool = False

    def __repr__(self) -> str:
        """Never show the seed: secrets are made from it."""
        return f"Once(…, {self.begun_ms})"

    def made(self, what: str) -> bytes:
        """Return 32 bytes for one purpose, unique to this request."""
        return hmac.digest(self.seed, what.encode(), "sha256")

    def uuid(self, what: str) -> str:
        """Return a UUID for one purpose, unique to this request."""
        return str(uuid.UUID(bytes=self.made(what)[:16], version=4))


def new_seed() -> bytes:
    """Return the seed of a new request."""
    return os.urandom(SEED_BYTES)
