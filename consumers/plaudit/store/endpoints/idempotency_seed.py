"""What a request makes when it may be carried out twice: the second time the same.

A request under an idempotency key whose process was killed is carried out again, and nobody knows
how far the first one came. So what would be random comes from a seed that belongs to the request
and is kept with it: the second time, the same ids meet what the first time left.
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
    """A request that is to have its effect once.

    Attributes:
        seed: secret bytes of this request.
        begun_ms: when it was first begun, epoch milliseconds.
        again: it was begun before, by a process that may have come far or not.
    """

    seed: bytes
    begun_ms: int
    again: bool = False

    def __repr__(self) -> str:
        """Never show the seed: secrets are made from it."""
        return f"Once(…, {self.begun_ms})"

    def made(self, what: str) -> bytes:
        """Return 32 bytes that only this request has, for one purpose."""
        return hmac.digest(self.seed, what.encode(), "sha256")

    def uuid(self, what: str) -> str:
        """Return a UUID that only this request makes, for one purpose."""
        return str(uuid.UUID(bytes=self.made(what)[:16], version=4))


def new_seed() -> bytes:
    """Return the seed of a request that is begun."""
    return os.urandom(SEED_BYTES)
