"""Port of the relay to a table of rows that wait for Kafka."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple, Protocol

from plaudit.outbox.rows import Row, Unfit, Verdict


class OutboxFailure(Exception):
    """The outbox can't be used.

    OutboxFailure
    ├── OutboxUnavailable   the database is unavailable: retry
    └── OutboxMissing       the table does not exist, or has other columns
    """


class OutboxUnavailable(OutboxFailure):
    """The database can't be reached, or ended the connection."""


class OutboxMissing(OutboxFailure):
    """The table does not exist, or is not the one of `plaudit outbox ddl`."""


class Backlog(NamedTuple):
    """Counts of an outbox.

    Attributes:
        waiting: rows to be published.
        refused: rows that were set aside.
        oldest_s: age of the oldest waiting row in seconds.
    """

    waiting: int
    refused: int
    oldest_s: float


class Queue(Protocol):
    """Waiting rows. One relay at a time works on them, which preserves their order.

    Every method may raise `OutboxFailure`; the queue can be used again afterwards.
    """

    def acquire(self) -> bool:
        """Become, or stay, the active relay; return False while another relay is active."""
        ...

    def release(self) -> None:
        """Let another relay become active."""
        ...

    def batch(self) -> Sequence[Row | Unfit]:
        """Return the first rows, in order; none when no row waits."""
        ...

    def settle(self, verdict: Verdict) -> None:
        """Delete published rows and set refused rows aside; idempotent."""
        ...


class EventQueue(Queue, Protocol):
    """Outbox of a service that publishes events, for a relay process."""

    def wait(self, timeout_s: float) -> None:
        """Wait until there may be new rows, up to this time."""
        ...

    def leave_out(self, topics: Collection[str]) -> None:
        """Exclude rows of these topics (by their names in the table) from later batches."""
        ...

    def backlog(self) -> Backlog:
        """Count the rows."""
        ...

    def retry(self) -> int:
        """Make refused rows eligible again; return their number."""
        ...
