"""Whether a source has a share of its topics; if it has none, whether its group has let it in."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from plaudit.logs.logger import event_logger

_log = event_logger(__name__)

LOOK_EVERY_S: Final = 1.0
IDLE_AFTER_S: Final = 15.0
"""A rebalance takes less; a source that has no partition for longer is explained."""
IDLE: Final = "more workers than partitions"


class Membership:
    """Watches the share of one source. Its thread writes, any thread reads.

    Args:
        name: of the source, for the log.
        is_member: asks the client whether the group has let it in.
        monotonic: seconds that never jump.
    """

    def __init__(
        self,
        name: str,
        is_member: Callable[[], bool],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._name = name
        self._is_member = is_member
        self._monotonic = monotonic
        self._without_since: float | None = None
        self._looked_at = 0.0
        self._member = False
        self._explained = False

    @property
    def problem(self) -> str | None:
        """Return why the source gets nothing to do, when that is not as it should be.

        A member without partitions is ready: it takes over when another worker ends.
        """
        since = self._without_since
        if since is None or self._member:
            return None
        waited_s = self._monotonic() - since
        if waited_s < IDLE_AFTER_S:
            return None
        return f"{self._name} has not been in its group for {waited_s:.0f} s"

    def look(self, *, holds: bool) -> None:
        """Take note of whether the source holds partitions now."""
        if holds:
            self._without_since, self._explained = None, False
            return
        now = self._monotonic()
        if self._without_since is None:
            self._without_since, self._looked_at = now, now
            self._member = self._is_member()
        elif now - self._looked_at >= LOOK_EVERY_S:
            self._looked_at = now
            self._member = self._is_member()
        idle = self._member and now - self._without_since >= IDLE_AFTER_S
        if idle and not self._explained:
            self._explained = True
            _log.info("source.idle", extra={"source": self._name, "reason": IDLE})
