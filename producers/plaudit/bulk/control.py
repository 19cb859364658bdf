"""Control of a running job: stop requests and progress reports."""

from __future__ import annotations

import threading
import time
from typing import Protocol


class Listener(Protocol):
    """Receives progress reports of a job."""

    def began(self, chosen: int) -> None:
        """Report the number of records to be processed."""
        ...

    def moved(self, count: int) -> None:
        """Report that this many more records are finished, moved or not."""
        ...

    def paused(self, why: str | None) -> None:
        """Report why the job is waiting; None when it resumes."""
        ...


class NullListener:
    """A listener that ignores all reports."""

    def began(self, chosen: int) -> None:
        """Ignore the report."""

    def moved(self, count: int) -> None:
        """Ignore the report."""

    def paused(self, why: str | None) -> None:
        """Ignore the report."""


class Control:
    """Stops a job from outside, at the end of the current batch.

    Args:
        listener: receives progress reports.
    """

    def __init__(self, listener: Listener | None = None) -> None:
        self.listener: Listener = listener or NullListener()
        self.stopped_by: str | None = None
        self._stop = threading.Event()

    def stop(self, by: str) -> None:
        """Ask the job to stop cleanly. May be called from any thread and from a signal handler."""
        self.stopped_by = by
        self._stop.set()

    @property
    def stopping(self) -> bool:
        """Whether the job was asked to stop."""
        return self._stop.is_set()

    def wait(self, seconds: float) -> None:
        """Wait for this time, or until the job is asked to stop."""
        self._stop.wait(seconds)

    def now(self) -> float:
        """Return the monotonic time in seconds."""
        return time.monotonic()
