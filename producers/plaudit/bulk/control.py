"""Between a job and whoever runs it: being stopped, and telling how far it is."""

from __future__ import annotations

import threading
import time
from typing import Protocol


class Listener(Protocol):
    """Hears how a job goes."""

    def began(self, chosen: int) -> None:
        """Hear how many are to be moved."""
        ...

    def moved(self, count: int) -> None:
        """Hear that so many more are done with, moved or not."""
        ...

    def paused(self, why: str | None) -> None:
        """Hear that the job waits, and for what; None: it goes on."""
        ...


class Silent:
    """A listener that does nothing."""

    def began(self, chosen: int) -> None:
        """Do nothing."""

    def moved(self, count: int) -> None:
        """Do nothing."""

    def paused(self, why: str | None) -> None:
        """Do nothing."""


class Control:
    """Stops a job from outside, at the end of the batch that is under way.

    Args:
        listener: hears how it goes.
    """

    def __init__(self, listener: Listener | None = None) -> None:
        self.listener: Listener = listener or Silent()
        self.stopped_by: str | None = None
        self._stop = threading.Event()

    def stop(self, by: str) -> None:
        """Ask the job to end cleanly; from any thread, or a signal's handler."""
        self.stopped_by = by
        self._stop.set()

    @property
    def stopping(self) -> bool:
        """Whether the job was asked to end."""
        return self._stop.is_set()

    def wait(self, seconds: float) -> None:
        """Wait so long, or until the job is asked to end."""
        self._stop.wait(seconds)

    def now(self) -> float:
        """Return monotonic seconds."""
        return time.monotonic()
