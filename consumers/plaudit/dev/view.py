"""Display of `plaudit dev`: a live table on a terminal, otherwise a line now and then."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from typing import Self

LINE_EVERY_S: Final = 2.0


@dataclass(frozen=True, slots=True)
class TallyRow:
    """Row of one endpoint."""

    name: str
    delivered: int
    retrying: int
    dead: int
    attempts: int
    doubled: int


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Figures at one point in time.

    Attributes:
        elapsed_s: seconds since the first event.
        published: number of acknowledged events.
        wanted: number of events to publish; None: unlimited.
        lag: records that the groups have not finished; None: not measured yet.
        rows: a row for each endpoint.
    """

    elapsed_s: float
    published: int
    wanted: int | None
    lag: int | None
    rows: Sequence[TallyRow]

    @property
    def rate(self) -> float:
        """Average deliveries per second."""
        return sum(row.delivered for row in self.rows) / max(self.elapsed_s, 1e-3)

    @property
    def progress(self) -> float | None:
        """Share of final deliveries; None for an unlimited run."""
        if self.wanted is None:
            return None
        total = self.wanted * len(self.rows)
        return sum(row.delivered + row.dead for row in self.rows) / total if total else 1.0

    @property
    def eta_s(self) -> float | None:
        """Remaining seconds at the average rate; None if unknown."""
        done = self.progress
        return None if not done else self.elapsed_s * (1 - done) / done


class View(Protocol):
    """Context manager that shows snapshots."""

    def show(self, snapshot: Snapshot) -> None:
        """Show the newest snapshot."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...


class LiveView:
    """A table that is redrawn."""

    def __init__(self, console: Console) -> None:
        self._live = Live(console=console, refresh_per_second=4)

    def show(self, snapshot: Snapshot) -> None:
        """Show the newest snapshot."""
        self._live.update(render(snapshot))

    def __enter__(self) -> Self:
        self._live.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.__exit__(None, None, None)


class LineView:
    """A line every two seconds, and one at the end."""

    def __init__(self) -> None:
        self._said_at = 0.0
        self._last: Snapshot | None = None

    def show(self, snapshot: Snapshot) -> None:
        """Print a line, if it is time for one."""
        self._last = snapshot
        now = time.monotonic()
        if now - self._said_at >= LINE_EVERY_S:
            self._said_at = now
            say(line(snapshot))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._last is not None:
            say(line(self._last))


def open_view() -> View:
    """Return the view that suits standard output."""
    console = Console()
    return LiveView(console) if console.is_terminal else LineView()


def say(text: str) -> None:
    """Print a line at once."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def line(snapshot: Snapshot) -> str:
    """Return a snapshot as one line of text."""
    rows = "; ".join(
        f"{row.name}: {row.delivered} delivered, {row.retrying} retrying, {row.dead} dead"
        for row in snapshot.rows
    )
    lag = "?" if snapshot.lag is None else snapshot.lag
    done = snapshot.progress
    share = "" if done is None else f" {done:4.0%}"
    return (
        f"{snapshot.elapsed_s:6.1f} s{share} | published {snapshot.published}, lag {lag}, "
        f"{snapshot.rate:.0f}/s | {rows}"
    )


def render(snapshot: Snapshot) -> Group:
    """Return a snapshot as a renderable of rich."""
    table = Table(title="deliveries", title_justify="left")
    table.add_column("endpoint")
    for name in ("delivered", "retrying", "dead", "attempts", "doubled"):
        table.add_column(name, justify="right")
    for row in snapshot.rows:
        table.add_row(
            row.name,
            Text(str(row.delivered), "green"),
            Text(str(row.retrying), "yellow" if row.retrying else ""),
            Text(str(row.dead), "red" if row.dead else ""),
            str(row.attempts),
            str(row.doubled),
        )
    lag = "?" if snapshot.lag is None else str(snapshot.lag)
    head = Text(
        f"published {snapshot.published}   lag {lag}   "
        f"{snapshot.rate:.0f} deliveries/s   {snapshot.elapsed_s:.0f} s"
    )
    parts: list[Text | Table | ProgressBar] = [head, table]
    if snapshot.progress is not None:
        parts.append(ProgressBar(total=1.0, completed=snapshot.progress, width=60))
        if snapshot.eta_s is not None:
            parts.append(Text(f"{snapshot.progress:.0%} final, about {snapshot.eta_s:.0f} s left"))
    return Group(*parts)
