"""Progress of a long command: on a terminal a bar with rate and remaining time, else lines."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from plaudit.bulk.collector import spared_collector
from plaudit.bulk.control import Control, Listener
from plaudit.cli.ui.console import PlainConsole
from plaudit.cli.ui.output import note

SAY_EVERY_S: Final = 5.0


class ProgressLines:
    """Progress without a terminal: a line now and then.

    Args:
        doing: the operation, in one word.
    """

    def __init__(self, doing: str) -> None:
        self._doing = doing
        self._total = self._done = 0
        self._began = self._said_at = time.monotonic()
        self._pause: str | None = None

    def began(self, chosen: int) -> None:
        """Set the total."""
        self._total = chosen
        self._began = self._said_at = time.monotonic()
        if chosen:
            note(f"{self._doing}: {chosen:,} to do")

    def moved(self, count: int) -> None:
        """Report progress, every few seconds."""
        self._done += count
        now = time.monotonic()
        if now >= self._said_at + SAY_EVERY_S:
            self._said_at = now
            rate = self._done / (now - self._began)
            left_s = (self._total - self._done) / rate if rate else 0
            note(
                f"{self._doing}: {self._done:,} of {self._total:,}, "
                f"{rate:,.0f}/s, {left_s:,.0f} s left"
            )

    def paused(self, why: str | None) -> None:
        """Report once why the job waits."""
        if why != self._pause:
            self._pause = why
            note(f"{self._doing}: paused: {why}" if why else f"{self._doing}: resumed")


class Bar:
    """Progress on a terminal.

    Args:
        progress: widget to update.
        doing: the operation, in one word.
    """

    def __init__(self, progress: Progress, doing: str) -> None:
        self._progress = progress
        self._doing = doing
        self._task = progress.add_task(doing, total=None)

    def began(self, chosen: int) -> None:
        """Set the total."""
        self._progress.reset(self._task, total=chosen)

    def moved(self, count: int) -> None:
        """Show progress."""
        self._progress.advance(self._task, count)

    def paused(self, why: str | None) -> None:
        """Show why the job waits."""
        shown = f"{self._doing}: {why}" if why else self._doing
        self._progress.update(self._task, description=shown)


class _Rate(ProgressColumn):
    def render(self, task: Task) -> Text:
        """Return the rate per second."""
        return Text("" if task.speed is None else f"{task.speed:,.0f}/s")


@contextmanager
def watched(doing: str) -> Iterator[Control]:
    """Show a job's progress; SIGTERM and Ctrl-C stop it at the end of its batch.

    A second Ctrl-C ends the process at once, which loses nothing either.
    """
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    with _listener(doing) as listener, spared_collector():
        control = Control(listener)

        def stop(number: int, _: object) -> None:
            control.stop(signal.Signals(number).name)
            signal.signal(number, before[signal.Signals(number)])

        for number in before:
            signal.signal(number, stop)
        try:
            yield control
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


@contextmanager
def _listener(doing: str) -> Iterator[Listener]:
    if not sys.stderr.isatty():
        yield ProgressLines(doing)
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        _Rate(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=PlainConsole(stderr=True)) as progress:
        yield Bar(progress, doing)
