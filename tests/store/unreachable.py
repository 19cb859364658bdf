"""A relay for services whose brokers do not matter, and the keys of these services."""

from __future__ import annotations

import os
from collections.abc import Callable

from plaudit.endpoints.keys import SecretKeys

OLDER = os.urandom(32)
KEYS = SecretKeys([OLDER])


class UnreachableBrokers:
    """A relay that fails at once; a real one takes a second for each change."""

    def announce(
        self, _number: int, _timeout_s: float, _told: Callable[[int], None] = lambda _: None
    ) -> str | None:
        return "the brokers are away"

    def waiting(self) -> bool:
        return True
