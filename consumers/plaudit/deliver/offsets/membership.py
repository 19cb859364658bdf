"""Membership of a consumer thread in its group."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from plaudit.logs.logger import event_logger

_log = event_logger(__name__)

ASK_EVERY_S: Final = 1.0
IDLE_AFTER_S: Final = 15.0
"""Longer than a rebalance; if a thread has no partitions for this time, the log says why."""
IDLE: Final = "more workers than partitions"


class Membership:
    """Membership of one consumer thread, which writes it; any thread may read it.

    Args:
        name: the thread's name in the log.
        is_member: returns whether the client is a member of the group.
        monotonic: monotonic seconds.
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
        self._asked_at = 0.0
        self._member = False
        self._explained = False

    @property
    def problem(self) -> str | None:
        """Return why the thread has no partitions, if that is a fault.

        A member without partitions is ready: it takes over when another worker ends.
        """
        since = self._without_since
        if since is None or self._member:
            return None
        waited_s = self._monotonic() - since
        if waited_s < IDLE_AFTER_S:
            return None
        return f"{self._name} has not been in its group for {waited_s:.0f} s"

    def update(self, *, holds: bool) -> None:
        """Note whether the thread has partitions now."""
        if holds:
            self._without_since, self._explained = None, False
            return
        now = self._monotonic()
        if self._without_since is None:
            self._without_since, self._asked_at = now, now
            self._member = self._is_member()
        elif now - self._asked_at >= ASK_EVERY_S:
            self._asked_at = now
            self._member = self._is_member()
        idle = self._member and now - self._without_since >= IDLE_AFTER_S
        if idle and not self._explained:
            self._explained = True
            _log.info("source.idle", extra={"source": self._name, "reason": IDLE})
