"""Progress of a run: a bar on a terminal, a line now and then elsewhere; on standard error."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Final

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

if TYPE_CHECKING:
    from typing import Self

LINE_EVERY_S: Final = 5.0


class Told:
    """Shows the current scenario, its step, and the estimated remaining time.

    Args:
        total_s: estimated duration of the run.
        console: console to write to.
    """

    def __init__(self, total_s: float, console: Console | None = None) -> None:
        self._console = console or Console(stderr=True)
        self._total_s = total_s
        self._done_s = 0.0
        self._running = ("", 0.0, 0.0)
        self._said_at = 0.0
        self._bar: Progress | None = None
        if self._console.is_terminal:
            self._bar = Progress(
                TextColumn("{task.description}"),
                BarColumn(),
                TimeElapsedColumn(),
                TextColumn("about"),
                TimeRemainingColumn(),
                TextColumn("left"),
                console=self._console,
                transient=True,
            )
            self._task = self._bar.add_task("starting", total=total_s)

    def begin(self, scenario: str, seconds: float) -> None:
        """Show the current scenario, and its estimated duration."""
        self._done_s += self._running[1]
        self._running = (scenario, seconds, time.monotonic())
        self._said_at = 0.0

    def step(self, what: str) -> None:
        """Show the current step."""
        scenario, seconds, since = self._running
        now = time.monotonic()
        done_s = self._done_s + min(seconds, now - since)
        line = f"{scenario}: {what}" if scenario else what
        if self._bar is not None:
            self._bar.update(self._task, description=line, completed=done_s)
        elif now - self._said_at > LINE_EVERY_S:
            self._said_at = now
            left_s = max(0.0, self._total_s - done_s)
            sys.stderr.write(f"{line} (about {left_s:.0f} s left)\n")
            sys.stderr.flush()

    def __enter__(self) -> Self:
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()
