"""Deterministic ids and secrets, which give a repeated idempotent request the same effect.

If a process dies during a request with an idempotency key, another one carries the request out
again, without knowing how far the first one came. So all random values derive from a seed that is
stored with the request: the second run finds the ids of the first.
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
    """Seed of a request that must take effect once.

    Attributes:
        seed: secret bytes of this request.
        begun_ms: first start in epoch milliseconds.
        repeated: whether an earlier process began the request, and may have made changes.
    """

    seed: bytes
    begun_ms: int
    repeated: bool = False

    def __repr__(self) -> str:
        """Hide the seed, because secrets derive from it."""
        return f"IdempotencySeed(…, {self.begun_ms})"

    def derive(self, what: str) -> bytes:
        """Return 32 bytes for a purpose, unique to this request."""
        return hmac.digest(self.seed, what.encode(), "sha256")

    def uuid(self, what: str) -> str:
        """Return a UUID for a purpose, unique to this request."""
        return str(uuid.UUID(bytes=self.derive(what)[:16], version=4))


def new_seed() -> bytes:
    """Return the seed of a new request."""
    return os.urandom(SEED_BYTES)
